#include "stockpot/checkpoint/torch_file.h"

#include <deque>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/torch_scalar.h"
#include "stockpot/checkpoint/torch_source.h"
#include "stockpot/checkpoint/torch_state.h"
#include "stockpot/checkpoint/torch_tensor.h"

namespace stockpot {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t kMostCopied = 4;  // times the size of the file

std::string_view start_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 512)};
}

bool is_zip(std::string_view start) {
  return start.starts_with("PK\x03\x04"sv) || start.starts_with("PK\x05\x06"sv);
}
bool is_pickle(std::string_view start) {
  return start.size() >= 2 && start[0] == '\x80' && start[1] >= 1 && start[1] <= 5;
}
bool is_tar(std::string_view start) {
  return start.size() >= 262 && start.substr(257, 5) == "ustar";
}
bool is_first_format(std::string_view start) { return start.starts_with("PYTORCH1"); }
// A header of 384, 640, ... bytes begins like a pickle of protocol 1, 2, ...; but no torch file
// has four zero bytes and then the brace of the header.
bool is_safetensors(std::string_view start) { return start.substr(0, 9).ends_with("\0\0\0\0{"sv); }

TorchSource read_source(std::span<const std::byte> bytes, const fs::path& origin) {
  const std::string_view start = start_of(bytes);
  if (is_tar(start))
    throw FormatError(origin,
                      "a tar archive, as torch 0.1 wrote: load it with torch and save it "
                      "again (or unpack it, if it is something else)");
  if (is_first_format(start))
    throw FormatError(origin,
                      "a file of Caffe2's 'PYTORCH1' format, which is not supported: load "
                      "it with an old torch and save it again");
  return is_zip(start) ? read_torch_zip(bytes, origin) : read_torch_legacy(bytes, origin);
}

void refuse_unknown_globals(const Pickle& pickle, const fs::path& origin) {
  const std::vector<std::string> outside = pickle.globals_outside_allow_list();
  if (!outside.empty())
    throw FormatError(
        origin, "the pickle names " + std::to_string(outside.size()) +
                    " classes or functions that are not on the allow-list: " + some_of(outside));
}

// Turns decoded tensors into views: of the file, or of copies in row-major order.
class ViewMaker {
 public:
  ViewMaker(const TorchSource& source, std::uint64_t file_size, bool data, const fs::path& origin)
      : source_(source), most_(kMostCopied * file_size), data_(data), origin_(origin) {}

  void add(const std::string& name, const PickleValue& value, TorchContents& contents) {
    const TorchTensor tensor = decode_tensor(value, name, *source_.storages, origin_);
    Group& group = group_of(tensor);
    group.names.push_back(name);
    if (group.names.size() == 1) group.bytes = bytes_of(tensor, name);
    contents.tensors.push_back({name, tensor.dtype, tensor.shape, group.bytes});
  }

  void finish(TorchContents& contents) {
    for (Group& group : groups_)
      if (group.names.size() > 1) contents.ties.push_back(std::move(group.names));
    contents.copies = copies_;
  }

 private:
  // Tensors that are the same view of the same storage.
  struct Group {
    std::vector<std::string> names;
    std::span<const std::byte> bytes;
  };

  Group& group_of(const TorchTensor& tensor) {
    const auto [place, added] = by_tensor_.emplace(tensor, groups_.size());
    if (added) groups_.emplace_back();
    return groups_[place->second];
  }

  std::span<const std::byte> bytes_of(const TorchTensor& tensor, const std::string& name) {
    const bool swap = source_.big_endian && row(tensor.dtype).bits > 8;
    if (tensor.contiguous() && !swap) return tensor_bytes(tensor, *source_.storages);
    if (!data_) return {};
    copied_ += byte_count(tensor.dtype, element_count(tensor.shape));
    if (copied_ > most_)
      throw FormatError(origin_, "the views that have to be copied into row-major order, up to " +
                                     in_quotes(name) + ", need more than " + human_bytes(most_) +
                                     ", 4 times the file; save them after contiguous()");
    copies_->push_back(gather_bytes(tensor, *source_.storages, swap));
    return copies_->back();
  }

  const TorchSource& source_;
  std::uint64_t most_, copied_ = 0;
  bool data_;
  const fs::path& origin_;
  std::deque<Group> groups_;
  std::map<TorchTensor, std::size_t> by_tensor_;
  std::shared_ptr<std::deque<std::vector<std::byte>>> copies_ =
      std::make_shared<std::deque<std::vector<std::byte>>>();
};

}  // namespace

bool looks_like_torch(std::span<const std::byte> bytes) {
  const std::string_view start = start_of(bytes);
  if (is_safetensors(start)) return false;
  return is_zip(start) || is_pickle(start) || is_tar(start) || is_first_format(start);
}

TorchContents read_torch(std::span<const std::byte> bytes, const fs::path& origin,
                         const OpenOptions& options) {
  TorchSource source = read_source(bytes, origin);
  if (options.strict_pickle) refuse_unknown_globals(*source.pickle, origin);
  TorchState state = choose_state(source.pickle->root(), options, origin);
  TorchContents contents;
  contents.format = source.format;
  contents.globals = source.pickle->globals();
  contents.notes = std::move(source.notes);
  contents.notes.insert(contents.notes.end(), state.notes.begin(), state.notes.end());
  contents.state_key = std::move(state.key);
  contents.dropped = std::move(state.dropped);
  ViewMaker views(source, bytes.size(), options.data, origin);
  for (const NamedValue& tensor : state.tensors) views.add(tensor.name, tensor.value, contents);
  views.finish(contents);
  for (const NamedValue& other : state.others)
    if (auto scalar = read_scalar(other.value, *source.storages, source.big_endian))
      contents.scalars.emplace(other.name, std::move(*scalar));
  std::erase_if(contents.dropped,
                [&](const DroppedEntry& entry) { return contents.scalars.contains(entry.name); });
  return contents;
}

}  // namespace stockpot
