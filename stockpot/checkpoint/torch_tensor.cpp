#include "stockpot/checkpoint/torch_tensor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

constexpr std::size_t kMostDimensions = 64;
constexpr std::uint64_t kMostExpanded = 4;  // elements per element of the storage
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

std::uint64_t element_bytes(Dtype dtype) { return static_cast<std::uint64_t>(row(dtype).bits) / 8; }

class Decoder {
 public:
  Decoder(const std::string& name, const TorchStorages& storages, const fs::path& origin)
      : name_(name), storages_(storages), origin_(origin) {}

  TorchTensor decode(const PickleValue& value) {
    PickleValue args = value.args();
    const PickleValue call = unwrap(value, args);
    const Known known = kind_;
    const std::size_t fewest = known == Known::tensor_v1 ? 4 : known == Known::tensor_v2 ? 6 : 7;
    const std::size_t most = known == Known::tensor_v1 ? 4 : fewest + 1;
    if (args.size() < fewest || args.size() > most)
      refuse("is rebuilt from " + std::to_string(args.size()) + " arguments by " + call.describe() +
             ", expected " + std::to_string(fewest));
    if (args.size() == most && known != Known::tensor_v1) check_metadata(args.item(most - 1));
    TorchTensor tensor;
    if (!args.item(0).is(PickleKind::persistent)) refuse("has no storage");
    tensor.storage = storages_.index_of(args.item(0));
    tensor.dtype = known == Known::tensor_v3 ? dtype_of(args.item(6)) : dtype_of_storage(tensor);
    if (!args.item(1).is(PickleKind::integer) || args.item(1).integer() < 0)
      refuse("has the offset " + args.item(1).describe());
    tensor.offset = static_cast<std::uint64_t>(args.item(1).integer());
    tensor.shape = numbers(args.item(2), "size");
    tensor.strides = numbers(args.item(3), "stride");
    check_extent(tensor);
    return tensor;
  }

 private:
  // Follows parameters and typed wrappers to the call that names the storage.
  PickleValue unwrap(PickleValue value, PickleValue& args) {
    for (int level = 0; level < 4; ++level) {
      kind_ = value.known();
      args = value.args();
      if (kind_ == Known::tensor_v1 || kind_ == Known::tensor_v2 || kind_ == Known::tensor_v3)
        return value;
      if (kind_ == Known::unsupported_tensor)
        refuse("is rebuilt by " + printable(value.name()) +
               ": sparse, quantized, meta and nested tensors are not supported; save it as a "
               "dense tensor");
      if (kind_ == Known::tensor_from_type) return from_type(args);
      // A parameter: its first argument is the tensor.
      if (args.size() == 0 || !is_torch_tensor(args.item(0))) break;
      value = args.item(0);
    }
    refuse("is no tensor but " + value.describe());
  }

  // (function, type, arguments, state): function(*arguments) as a tensor of the type.
  PickleValue from_type(PickleValue& args) {
    if (args.size() != 4 || !args.item(0).is(PickleKind::global) ||
        !args.item(1).is(PickleKind::global) || !args.item(2).is(PickleKind::tuple))
      refuse("is rebuilt from arguments that make no sense");
    const PickleValue function = args.item(0), type = args.item(1);
    const bool plain =
        type.known() == Known::tensor_class || type.known() == Known::parameter_class;
    kind_ = function.known();
    const bool readable = kind_ == Known::tensor_v2 || kind_ == Known::tensor_v3;
    if (!plain || !readable)
      refuse("has the type " + type.describe() +
             ", which is not supported; save it as a plain tensor");
    args = args.item(2);
    return function;
  }

  Dtype dtype_of(const PickleValue& value) {
    const bool named = value.is(PickleKind::global) && value.known() == Known::torch_value;
    if (const auto dtype = named ? dtype_from_torch(value.name()) : std::nullopt) return *dtype;
    refuse("has the dtype " + value.describe() + ", which is not supported");
  }

  Dtype dtype_of_storage(const TorchTensor& tensor) {
    const TorchStorageRow& type = *storages_.all()[tensor.storage].row;
    if (type.dtype) return *type.dtype;
    refuse("has a " + std::string(type.name) +
           ", which is not supported (complex128 and "
           "quantized types have no place in safetensors either)");
  }

  // {'conj': True}, {'neg': True}: the bytes are to be changed when read.
  void check_metadata(const PickleValue& metadata) {
    if (metadata.is(PickleKind::none)) return;
    if (!metadata.is(PickleKind::dict)) refuse("has metadata that are no dict");
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      const PickleValue set = metadata.value(i);
      if (set.is(PickleKind::boolean) && !set.boolean()) continue;
      refuse("has " + in_quotes(metadata.key(i).describe()) +
             " set (a lazy conjugate or negative), which is not supported; save it after "
             "resolve_conj() and resolve_neg()");
    }
  }

  std::vector<std::int64_t> numbers(const PickleValue& value, const std::string& what) {
    // torch.Size((2, 3)) or plain (2, 3)
    const bool wrapped = value.is(PickleKind::record) && value.known() == Known::torch_value &&
                         value.name() == "Size" && value.args().size() == 1;
    const PickleValue list = wrapped ? value.args().item(0) : value;
    if (!list.is(PickleKind::tuple) && !list.is(PickleKind::list))
      refuse("has a " + what + " that is " + list.describe() + ", expected a tuple");
    if (list.size() > kMostDimensions)
      refuse("has " + std::to_string(list.size()) + " dimensions, the limit is 64");
    std::vector<std::int64_t> result;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const PickleValue number = list.item(i);
      if (!number.is(PickleKind::integer) || number.integer() < 0)
        refuse("has a " + what + " with " + number.describe());
      result.push_back(number.integer());
    }
    return result;
  }

  void check_extent(const TorchTensor& tensor) {
    if (tensor.shape.size() != tensor.strides.size())
      refuse("has " + std::to_string(tensor.shape.size()) + " sizes and " +
             std::to_string(tensor.strides.size()) + " strides");
    std::uint64_t elements = 1, last = tensor.offset;
    bool overflow = false, empty = false;
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      const auto size = static_cast<std::uint64_t>(tensor.shape[i]);
      if (size == 0) {
        empty = true;
        continue;
      }
      std::uint64_t span = 0;
      overflow |= __builtin_mul_overflow(elements, size, &elements);
      overflow |=
          __builtin_mul_overflow(size - 1, static_cast<std::uint64_t>(tensor.strides[i]), &span);
      overflow |= __builtin_add_overflow(last, span, &last);
    }
    const std::uint64_t each = element_bytes(tensor.dtype);
    if (overflow || elements > kMost / each || last > kMost / each)
      refuse("of shape " + to_string(tensor.shape) + " has a size that overflows 64 bits");
    const TorchStorage& storage = storages_.all()[tensor.storage];
    const std::uint64_t there = *storage_size(storage) / each;
    if (empty ? tensor.offset > there : last >= there)
      refuse("of shape " + to_string(tensor.shape) + ", strides " + to_string(tensor.strides) +
             " and offset " + std::to_string(tensor.offset) + " leaves its storage " +
             in_quotes(storage.key) + " of " + std::to_string(there) + " elements");
    if (!empty && (elements - 1) / kMostExpanded >= there)
      refuse("of shape " + to_string(tensor.shape) + " is expanded from " + std::to_string(there) +
             " stored elements, more than 4 times; save it after "
             "contiguous()");
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    throw FormatError(origin_, "tensor " + in_quotes(name_) + " " + problem);
  }

  const std::string& name_;
  const TorchStorages& storages_;
  const fs::path& origin_;
  Known kind_ = Known::none;
};

template <std::size_t kSize>
void copy_elements(const std::byte* from, std::byte*& to, std::int64_t count, std::int64_t stride) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to, from + static_cast<std::size_t>(i * stride) * kSize, kSize);
    to += kSize;
  }
}

void copy_row(std::uint64_t each, const std::byte* from, std::byte*& to, std::int64_t count,
              std::int64_t stride) {
  switch (each) {
    case 1:
      return copy_elements<1>(from, to, count, stride);
    case 2:
      return copy_elements<2>(from, to, count, stride);
    case 4:
      return copy_elements<4>(from, to, count, stride);
    default:
      return copy_elements<8>(from, to, count, stride);
  }
}

}  // namespace

std::uint64_t TorchTensor::elements() const {
  return static_cast<std::uint64_t>(element_count(shape));
}

bool TorchTensor::contiguous() const {
  if (elements() == 0) return true;
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

bool is_torch_tensor(const PickleValue& value) {
  return value.is(PickleKind::record) && makes_tensor(value.known());
}

TorchTensor decode_tensor(const PickleValue& value, const std::string& name,
                          const TorchStorages& storages, const fs::path& origin) {
  return Decoder(name, storages, origin).decode(value);
}

std::span<const std::byte> tensor_bytes(const TorchTensor& tensor, const TorchStorages& storages) {
  const std::uint64_t each = element_bytes(tensor.dtype);
  return storages.all()[tensor.storage].bytes.subspan(tensor.offset * each,
                                                      tensor.elements() * each);
}

std::vector<std::byte> gather_bytes(const TorchTensor& tensor, const TorchStorages& storages,
                                    bool swap) {
  const std::uint64_t each = element_bytes(tensor.dtype);
  std::vector<std::byte> gathered(tensor.elements() * each);
  if (gathered.empty()) return gathered;
  const std::byte* const base = storages.all()[tensor.storage].bytes.data() + tensor.offset * each;
  const std::size_t outer = tensor.shape.empty() ? 0 : tensor.shape.size() - 1;
  const std::int64_t count = tensor.shape.empty() ? 1 : tensor.shape.back();
  const std::int64_t stride = tensor.strides.empty() ? 0 : tensor.strides.back();
  std::vector<std::int64_t> at(outer, 0);  // an odometer over all dimensions but the last
  std::byte* to = gathered.data();
  for (;;) {
    std::int64_t position = 0;
    for (std::size_t i = 0; i < outer; ++i) position += at[i] * tensor.strides[i];
    copy_row(each, base + static_cast<std::uint64_t>(position) * each, to, count, stride);
    std::size_t digit = outer;
    while (digit > 0 && ++at[digit - 1] == tensor.shape[digit - 1]) at[--digit] = 0;
    if (digit == 0) break;
  }
  // A complex number is two floats, each turned round by itself.
  const std::uint64_t word = tensor.dtype == Dtype::c64 ? each / 2 : each;
  if (swap && word > 1)
    for (std::size_t i = 0; i < gathered.size(); i += word)
      std::reverse(gathered.data() + i, gathered.data() + i + word);
  return gathered;
}

}  // namespace stockpot
