#include "stockpot/checkpoint/torch_file.h"

#include "stockpot/base/error.h"
#include "touch.h"

using namespace stockpot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const TorchContents contents = read_torch(bytes, "input");
    for (const TensorView& tensor : contents.tensors) touch(tensor);
  } catch (const FormatError&) {
  }
  return 0;
}
