#include "stockpot/base/error.h"
#include "stockpot/pickle/unpickle.h"

using namespace stockpot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Pickle pickle = unpickle(std::as_bytes(std::span(data, size)), "input");
    if (pickle.consumed() > size) __builtin_trap();
  } catch (const FormatError&) {
  }
  return 0;
}
