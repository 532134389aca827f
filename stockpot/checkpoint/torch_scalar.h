// Numbers and texts that training programs store beside a state dict: epochs and metrics.
#pragma once

#include <optional>

#include "stockpot/checkpoint/open_options.h"
#include "stockpot/checkpoint/torch_storage.h"
#include "stockpot/pickle/value.h"

namespace stockpot {

// A Python None, bool, int, float or str, a NumPy scalar, or a tensor of one element (imagenet
// scripts store best_acc1 so). Nothing for everything else.
std::optional<StoredScalar> read_scalar(const PickleValue& value, const TorchStorages& storages,
                                        bool big_endian);

}  // namespace stockpot
