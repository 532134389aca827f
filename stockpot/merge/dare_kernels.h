// Random decisions for many elements at once: a pure function, compiled once per instruction set.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace stockpot::merge_kernels {

// Zeroes x[i] unless a random number of 32 bits is below `bound`, else multiplies it by
// `factor`. The numbers are those of philox() (base/random.h), four a block: x[0] takes number
// `skip` (0..3) of block `counter`, and so on. Blocks count up in counter[0], which must not
// overflow within one call. bound <= 2^32.
void drop_randomly(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key,
                   std::size_t skip, std::uint64_t bound, double factor, std::span<double> x);

}  // namespace stockpot::merge_kernels
