#include "stockpot/merge/dare_kernels.h"

#include <algorithm>

#include "stockpot/base/isa.h"

namespace stockpot::merge_kernels {
namespace {

constexpr std::size_t kBlocks = 16;  // side by side

// Ten rounds of Philox 4x32 for sixteen blocks, one word of all blocks after the other; the
// same numbers as philox().
[[gnu::always_inline]] inline void sixteen_blocks(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key,
                                                  std::uint32_t (&words)[4][kBlocks]) {
  constexpr std::uint64_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    words[0][i] = counter[0] + static_cast<std::uint32_t>(i);
    for (std::size_t word = 1; word < 4; ++word) words[word][i] = counter[word];
  }
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kBlocks; ++i) {
      const std::uint64_t product0 = kMultiply0 * words[0][i];
      const std::uint64_t product1 = kMultiply1 * words[2][i];
      words[0][i] = static_cast<std::uint32_t>(product1 >> 32) ^ words[1][i] ^ key[0];
      words[1][i] = static_cast<std::uint32_t>(product1);
      words[2][i] = static_cast<std::uint32_t>(product0 >> 32) ^ words[3][i] ^ key[1];
      words[3][i] = static_cast<std::uint32_t>(product0);
    }
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
}

}  // namespace

STOCKPOT_PER_ISA void drop_randomly(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key, std::size_t skip,
                                    std::uint64_t bound, double factor, std::span<double> x) {
  for (std::size_t done = 0; done < x.size();) {
    std::uint32_t words[4][kBlocks], numbers[4 * kBlocks];
    sixteen_blocks(counter, key, words);
    for (std::size_t i = 0; i < kBlocks; ++i)
      for (std::size_t word = 0; word < 4; ++word) numbers[4 * i + word] = words[word][i];
    const std::size_t count = std::min(4 * kBlocks - skip, x.size() - done);
    double* const part = x.data() + done;
    for (std::size_t i = 0; i < count; ++i)
      part[i] = numbers[skip + i] < bound ? part[i] * factor : 0;
    done += count;
    skip = 0;
    counter[0] += kBlocks;
  }
}

}  // namespace stockpot::merge_kernels
