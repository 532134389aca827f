// The pickle inside a torch file, for a state dict: written opcode by opcode, as Python's pickler
// writes it for torch.save.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/output.h"

namespace stockpot {

struct StateDictPickle {
  std::string bytes;
  // The record data/<i> holds the bytes of tensor storages[i]; tied tensors have none.
  std::vector<std::size_t> storages;
};

// An OrderedDict of contiguous tensors that need no gradient, in the order given. Throws
// FormatError naming `file`: a name that is not UTF-8, two tensors of one name, a type that torch
// has no storage for (F4, F6), a tie between tensors of different types or numbers of elements.
StateDictPickle pickle_state_dict(const std::filesystem::path& file,
                                  std::span<const OutputTensor> tensors);

}  // namespace stockpot
