#include "stockpot/checkpoint/torch_pickle.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/torch_dtype.h"

namespace stockpot {
namespace {

// How torch names an element type: by a class of storage, or, for those that came after classes
// of storages went out of use, by the dtype itself over an untyped storage.
struct TorchType {
  std::string storage;
  std::string dtype;  // "" for the older types
};

std::optional<TorchType> torch_type(Dtype dtype) {
  for (const TorchStorageRow& entry : kTorchStorages)
    if (entry.dtype == dtype) return TorchType{"torch\n" + std::string(entry.name), ""};
  for (const TorchDtypeRow& entry : kTorchDtypes)
    if (entry.dtype == dtype)
      return TorchType{"torch.storage\nUntypedStorage", "torch\n" + std::string(entry.name)};
  return std::nullopt;
}

// Objects that Python would meet again by identity are written once and fetched from the memo.
class Pickler {
 public:
  void opcode(char code) { out_ += code; }

  void fixed_width(char code, std::uint64_t value, int bytes) {
    out_ += code;
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }

  void integer(std::uint64_t value) {
    if (value < 256) return fixed_width('K', value, 1);         // BININT1
    if (value < 65536) return fixed_width('M', value, 2);       // BININT2
    if (value < 1ull << 31) return fixed_width('J', value, 4);  // BININT
    int bytes = 4;                                              // LONG1, whose top bit is a sign
    while (bytes < 8 && value >> (8 * bytes - 1) != 0) ++bytes;
    fixed_width('\x8a', static_cast<std::uint64_t>(bytes), 1);
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i) & 0xff);
  }

  void text(const std::string& value) {
    fixed_width('X', value.size(), 4);  // BINUNICODE
    out_ += value;
    remember();
  }
  void text_again(const std::string& value) {
    if (!fetch(value)) {
      const std::uint32_t place = next_;
      text(value);
      memo_.emplace(value, place);
    }
  }

  // "module\nname".
  void global(const std::string& name) {
    if (fetch(name)) return;
    out_ += 'c' + name + '\n';
    memo_.emplace(name, next_);
    remember();
  }

  void tuple(std::span<const std::uint64_t> values) {
    if (values.empty()) return opcode(')');
    if (values.size() > 3) opcode('(');
    for (const std::uint64_t value : values) integer(value);
    constexpr std::string_view kEnd = "\x85\x86\x87t";  // TUPLE1, TUPLE2, TUPLE3, TUPLE
    opcode(kEnd[std::min<std::size_t>(values.size(), 4) - 1]);
    remember();
  }

  void remember() {
    if (next_ < 256)
      fixed_width('q', next_, 1);
    else
      fixed_width('r', next_, 4);
    ++next_;
  }

  std::string take() { return std::move(out_); }

 private:
  bool fetch(const std::string& object) {
    const auto place = memo_.find(object);
    if (place == memo_.end()) return false;
    if (place->second < 256)
      fixed_width('h', place->second, 1);
    else
      fixed_width('j', place->second, 4);
    return true;
  }

  std::string out_;
  std::uint32_t next_ = 0;
  std::unordered_map<std::string, std::uint32_t> memo_;
};

constexpr const char* kOrderedDict = "collections\nOrderedDict";

// torch's strides of a contiguous tensor: a dimension of size 0 counts as 1.
void sizes_and_strides(const Shape& shape, Pickler& pickler) {
  std::vector<std::uint64_t> sizes(shape.begin(), shape.end()), strides(shape.size());
  std::uint64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<std::uint64_t>(sizes[i], 1);
  }
  pickler.tuple(sizes);
  pickler.tuple(strides);
}

void write_tensor(const OutputTensor& tensor, std::size_t storage, Pickler& pickler) {
  const TorchType type = *torch_type(tensor.dtype);
  const bool untyped = !type.dtype.empty();
  const auto elements = static_cast<std::uint64_t>(element_count(tensor.shape));
  pickler.global(untyped ? "torch._utils\n_rebuild_tensor_v3" : "torch._utils\n_rebuild_tensor_v2");
  pickler.opcode('(');
  pickler.opcode('(');
  pickler.text_again("storage");
  pickler.global(type.storage);
  pickler.text_again(std::to_string(storage));
  pickler.text_again("cpu");
  pickler.integer(untyped ? byte_count(tensor.dtype, element_count(tensor.shape)) : elements);
  pickler.opcode('t');
  pickler.remember();
  pickler.opcode('Q');  // BINPERSID
  pickler.integer(0);   // offset in the storage
  sizes_and_strides(tensor.shape, pickler);
  pickler.opcode('\x89');  // no gradient
  pickler.global(kOrderedDict);
  pickler.opcode(')');
  pickler.opcode('R');  // no hooks
  pickler.remember();
  if (untyped) pickler.global(type.dtype);
  pickler.opcode('t');
  pickler.remember();
  pickler.opcode('R');
  pickler.remember();
}

void check_writable(const fs::path& file, std::span<const OutputTensor> tensors) {
  std::set<std::string_view> names;
  for (const OutputTensor& tensor : tensors) {
    const std::string name = "tensor " + in_quotes(tensor.name);
    if (!is_utf8(tensor.name))
      throw FormatError(file, name + " cannot be written: its name is not UTF-8");
    if (!names.insert(tensor.name).second)
      throw FormatError(file, "two tensors are named " + in_quotes(tensor.name));
    if (!torch_type(tensor.dtype))
      throw FormatError(file, name + " is of type " + std::string(row(tensor.dtype).safetensors) +
                                  ", which torch files cannot hold; write safetensors instead");
    if (!tensor.tied_to) continue;
    const OutputTensor& owner = tensors[*tensor.tied_to];
    if (owner.tied_to || owner.dtype != tensor.dtype ||
        element_count(owner.shape) != element_count(tensor.shape))
      throw FormatError(file, name + " cannot share the storage of " + in_quotes(owner.name) +
                                  ": their types or numbers of elements differ");
  }
}

}  // namespace

StateDictPickle pickle_state_dict(const fs::path& file, std::span<const OutputTensor> tensors) {
  check_writable(file, tensors);
  StateDictPickle pickle;
  std::vector<std::optional<std::size_t>> record(tensors.size());  // of a storage's owner
  Pickler pickler;
  pickler.fixed_width('\x80', 2, 1);  // PROTO
  pickler.global(kOrderedDict);
  pickler.opcode(')');
  pickler.opcode('R');
  pickler.remember();
  // Python's pickler sets items in batches of a thousand; one alone without a mark.
  constexpr std::size_t kBatch = 1000;
  for (std::size_t begin = 0; begin < tensors.size(); begin += kBatch) {
    const std::size_t end = std::min(begin + kBatch, tensors.size());
    if (end - begin > 1) pickler.opcode('(');
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t owner = tensors[i].tied_to.value_or(i);
      if (!record[owner]) {
        record[owner] = pickle.storages.size();
        pickle.storages.push_back(owner);
      }
      pickler.text(tensors[i].name);
      write_tensor(tensors[i], *record[owner], pickler);
    }
    pickler.opcode(end - begin > 1 ? 'u' : 's');  // SETITEMS, SETITEM
  }
  pickler.opcode('.');
  pickle.bytes = pickler.take();
  return pickle;
}

}  // namespace stockpot
