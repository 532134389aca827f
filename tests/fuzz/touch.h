// Reads every byte that a reader gives out: a view outside of its file is then a finding.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

inline unsigned touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += std::to_integer<unsigned>(byte);
  return sum;
}

inline void touch(const TensorView& tensor) {
  if (tensor.bytes.size() != byte_count(tensor.dtype, element_count(tensor.shape))) abort();
  volatile unsigned sink = touch(tensor.bytes);
  (void)sink;
}

}  // namespace stockpot
