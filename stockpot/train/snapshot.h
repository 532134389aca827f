// A state of a run in memory, on its way to the disk while training goes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

class Snapshot {
 public:
  std::int64_t step = 0;
  Json state;

  // Empties it and keeps the memory: the next state has the same tensors, and touching new
  // pages costs more than copying into old ones.
  void clear() { used_ = 0; }
  // Memory for a tensor, to be filled by the caller; valid until the next call of add().
  std::span<std::byte> add(std::string name, Dtype dtype, Shape shape);
  std::vector<TensorView> views() const;

 private:
  std::vector<OwnedTensor> tensors_;
  std::size_t used_ = 0;
};

}  // namespace stockpot
