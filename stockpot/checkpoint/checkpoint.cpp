#include "stockpot/checkpoint/checkpoint.h"

#include <algorithm>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/checkpoint/shard_index.h"
#include "stockpot/checkpoint/torch_file.h"
#include "stockpot/checkpoint/weights_file.h"
#include "stockpot/pickle/load.h"

namespace stockpot {
namespace {

// The brace of a JSON text is no header length of a safetensors file: that would lead past the
// end.
bool looks_like_json(std::span<const std::byte> bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && at < 64 &&
         std::string_view(" \t\r\n").find(static_cast<char>(bytes[at])) != std::string_view::npos)
    ++at;
  if (at == bytes.size() || static_cast<char>(bytes[at]) != '{') return false;
  return bytes.size() < 8 || load_le<std::uint64_t>(bytes.data()) > bytes.size();
}

bool is_index(const fs::path& file) { return looks_like_json(MappedFile(file).bytes()); }

}  // namespace

// One file's tensors, before they are put together.
struct Checkpoint::Part {
  std::string name;
  std::vector<TensorView> tensors;
  std::vector<std::vector<std::string>> ties;
};

Checkpoint Checkpoint::open(const fs::path& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  std::error_code ignored;
  const bool folder = fs::is_directory(path, ignored);
  const fs::path file = folder ? find_weights(path, checkpoint.notes_) : path;
  if (file.native().ends_with(".index.json") || is_index(file))
    checkpoint.open_index(file, options);
  else
    checkpoint.open_file(file, options);
  checkpoint.sort_tensors();
  return checkpoint;
}

Checkpoint::Part Checkpoint::open_part(const fs::path& file, const OpenOptions& options) {
  Part part{file.filename().string(), {}, {}};
  const bool first = files_.empty();
  files_.push_back(file);
  MappedFile mapped(file);
  if (!looks_like_torch(mapped.bytes())) {
    const auto safetensors = std::make_shared<const SafetensorsFile>(std::move(mapped));
    part.tensors = safetensors->tensors();
    metadata_.insert(safetensors->metadata().begin(), safetensors->metadata().end());
    notes_.insert(notes_.end(), safetensors->notes().begin(), safetensors->notes().end());
    owners_.push_back(safetensors);
    return part;
  }
  auto map = std::make_shared<const MappedFile>(std::move(mapped));
  TorchContents contents = read_torch(map->bytes(), file, options);
  // The archive's headers lie between the tensors: the kernel mapped their neighbours.
  release_pages(map->bytes());
  if (file.extension() == ".safetensors")
    notes_.push_back(part.name + " is not a safetensors file but a torch file; read as such");
  part.tensors = std::move(contents.tensors);
  part.ties = std::move(contents.ties);
  owners_.push_back(std::move(map));
  owners_.push_back(std::move(contents.copies));
  notes_.insert(notes_.end(), contents.notes.begin(), contents.notes.end());
  if (first) format_ = contents.format;
  state_key_ = std::move(contents.state_key);
  scalars_.merge(contents.scalars);
  dropped_.insert(dropped_.end(), contents.dropped.begin(), contents.dropped.end());
  std::vector<std::string> globals;
  std::set_union(globals_.begin(), globals_.end(), contents.globals.begin(), contents.globals.end(),
                 std::back_inserter(globals));
  globals_ = std::move(globals);
  return part;
}

void Checkpoint::open_file(const fs::path& file, const OpenOptions& options) {
  Part part = open_part(file, options);
  tensors_ = std::move(part.tensors);
  ties_ = std::move(part.ties);
}

void Checkpoint::open_index(const fs::path& file, const OpenOptions& options) {
  const ShardIndex index = read_shard_index(file);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index.shard_of) shards.insert(shard);
  // The index names the tensors as the shards do.
  OpenOptions as_they_are = options;
  as_they_are.strip_prefixes = false;
  std::vector<Part> parts;
  for (const std::string& shard : shards)
    parts.push_back(open_part(file.parent_path() / shard, as_they_are));
  take_indexed(parts, index.shard_of);
  for (Part& part : parts) keep_ties(std::move(part.ties));
  if (index.total_size && *index.total_size_value != static_cast<double>(bytes()))
    notes_.push_back("the index says total_size " + *index.total_size + ", the tensors have " +
                     std::to_string(bytes()) + " bytes");
}

// Takes the tensors that the index names from the shards that it names.
void Checkpoint::take_indexed(const std::vector<Part>& parts,
                              const std::unordered_map<std::string, std::string>& shard_of) {
  std::unordered_map<std::string_view, const Part*> seen;
  std::vector<std::string> extra;
  for (const Part& part : parts) {
    for (const TensorView& tensor : part.tensors) {
      const auto [first, added] = seen.emplace(tensor.name, &part);
      if (!added)
        throw FormatError(path_, "tensor " + in_quotes(tensor.name) + " is in two shards, " +
                                     in_quotes(first->second->name) + " and " +
                                     in_quotes(part.name));
      const auto place = shard_of.find(tensor.name);
      if (place == shard_of.end())
        extra.push_back(tensor.name);
      else if (place->second == part.name)
        tensors_.push_back(tensor);
    }
  }
  // A tensor that lies in another shard than the promised one counts as missing too.
  if (tensors_.size() != shard_of.size()) {
    sort_tensors();
    std::vector<std::string> missing;
    for (const auto& [tensor, shard] : shard_of)
      if (find(tensor) == nullptr) missing.push_back(tensor);
    std::sort(missing.begin(), missing.end());
    throw FormatError(
        path_, std::to_string(missing.size()) +
                   " tensors are not in the shard that the index names: " + some_of(missing));
  }
  if (!extra.empty())
    notes_.push_back(
        std::to_string(extra.size()) +
        " tensors of the shards are left out, the index does not name them: " + some_of(extra));
}

// Of a shard's groups, what the index took: a name left out ties nothing.
void Checkpoint::keep_ties(std::vector<std::vector<std::string>> groups) {
  std::set<std::string_view> taken;
  if (!groups.empty())
    for (const TensorView& tensor : tensors_) taken.insert(tensor.name);
  for (std::vector<std::string>& group : groups) {
    std::erase_if(group, [&](const std::string& name) { return !taken.contains(name); });
    if (group.size() > 1) ties_.push_back(std::move(group));
  }
}

void Checkpoint::add_prefix(std::string_view prefix) {
  if (std::ranges::any_of(
          tensors_, [&](const TensorView& tensor) { return tensor.name.starts_with(prefix); }))
    return;
  for (TensorView& tensor : tensors_) tensor.name.insert(0, prefix);
  for (std::vector<std::string>& group : ties_)
    for (std::string& name : group) name.insert(0, prefix);
}

void Checkpoint::sort_tensors() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
}

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto place = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return place != tensors_.end() && place->name == name ? &*place : nullptr;
}

const TensorView& Checkpoint::at(std::string_view name) const {
  const TensorView* tensor = find(name);
  if (tensor == nullptr) throw FormatError(path_, "no tensor named " + in_quotes(name));
  return *tensor;
}

// Not the sum of the views' sizes: those may be left out (OpenOptions::data).
std::uint64_t Checkpoint::bytes() const {
  std::uint64_t total = 0;
  for (const TensorView& tensor : tensors_)
    total += byte_count(tensor.dtype, element_count(tensor.shape));
  return total;
}

}  // namespace stockpot
