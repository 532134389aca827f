#include "stockpot/checkpoint/safetensors.h"

#include "in_memory_file.h"
#include "stockpot/base/error.h"
#include "touch.h"

using namespace stockpot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InMemoryFile input(data, size);
  try {
    const SafetensorsFile file(input.path());
    for (const TensorView& tensor : file.tensors()) {
      touch(tensor);
      if (file.find(tensor.name) == nullptr) abort();
    }
  } catch (const FormatError&) {
  }
  return 0;
}
