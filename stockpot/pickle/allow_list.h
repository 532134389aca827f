// The classes and functions that mean something in a torch file. A global that is not in this
// table is kept as an inert record: its module, name and arguments as data. Those in the table
// are never run either; readers know what they stand for.
#pragma once

#include <cstdint>
#include <string_view>

namespace stockpot {

enum class Known : std::uint8_t {
  none,
  ordered_dict,        // becomes a dict
  counter,             // becomes a dict
  tensor_v1,           // torch 0.1 to 0.3: (storage, offset, size, stride)
  tensor_v2,           // (storage, offset, size, stride, requires_grad, hooks[, metadata])
  tensor_v3,           // the same with a dtype after the hooks
  parameter,           // (tensor, requires_grad, hooks)
  parameter_class,     // torch 0.2 and 0.3: torch.nn.Parameter itself, (tensor, ...)
  tensor_from_type,    // (function, type, arguments, state)
  unsupported_tensor,  // sparse, quantized, meta, nested, ...
  tensor_class,        // torch.Tensor as the type in tensor_from_type
  storage_class,       // torch.FloatStorage, torch.storage.UntypedStorage, ...
  torch_value,         // dtypes, torch.Size, torch.device, layouts
  python_value,        // set, bytearray, complex, _codecs.encode
};

Known known_global(std::string_view module, std::string_view name);

// Makes a tensor (or would, for those that cannot be read).
constexpr bool makes_tensor(Known known) {
  return known >= Known::tensor_v1 && known <= Known::unsupported_tensor;
}

}  // namespace stockpot
