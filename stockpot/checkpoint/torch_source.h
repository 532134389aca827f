// The two containers of torch files: what each yields for the common part.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/open_options.h"
#include "stockpot/checkpoint/torch_storage.h"
#include "stockpot/pickle/value.h"

namespace stockpot {

struct TorchSource {
  CheckpointFormat format = CheckpointFormat::torch_zip;
  std::unique_ptr<const Pickle> pickle;   // of the saved object
  std::optional<TorchStorages> storages;  // their bytes filled in
  bool big_endian = false;
  std::vector<std::string> notes;
};

// Both throw FormatError, also for storages whose bytes are not there or have another length.
TorchSource read_torch_zip(std::span<const std::byte> bytes, const fs::path& origin);
TorchSource read_torch_legacy(std::span<const std::byte> bytes, const fs::path& origin);

}  // namespace stockpot
