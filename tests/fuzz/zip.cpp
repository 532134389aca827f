#include "stockpot/pickle/zip.h"

#include "stockpot/base/error.h"
#include "touch.h"

using namespace stockpot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const ZipArchive archive = parse_zip(bytes, "input");
    for (const ZipEntry& entry : archive.entries()) {
      if (archive.find(entry.name) == nullptr) abort();
      if (entry.compressed) continue;
      volatile unsigned sink = touch(archive.bytes(entry));
      (void)sink;
    }
  } catch (const FormatError&) {
  }
  return 0;
}
