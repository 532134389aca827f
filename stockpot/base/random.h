// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011). A stream is named by
// (seed, purpose, epoch, sample), so what a sample draws depends neither on the number of
// threads nor on what was drawn before: interrupted runs continue with the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace stockpot {

// One number a use of randomness. Never reorder: results on disk depend on the values.
enum class Purpose : std::uint32_t {
  shuffle = 1,
  augment = 2,
  split = 3,
  search = 4,
  head_init = 5,
  dropout = 6,
  mixup = 7,
  subset = 8,
  test = 9,
  dare = 10,
  theory = 11,
  corruption = 12,
  bootstrap = 13,
};

// Ten rounds of Philox 4x32, exactly as published (known answers in the tests).
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

class RandomStream {
 public:
  // Streams with different arguments are independent. epoch < 2^20.
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch = 0,
               std::uint64_t sample = 0);

  std::uint32_t next();                                       // 32 uniform bits
  double uniform();                                           // [0, 1), 53 bits
  double uniform(double low, double high);                    // [low, high)
  std::uint64_t below(std::uint64_t bound);                   // [0, bound), without bias; bound > 0
  std::int64_t between(std::int64_t low, std::int64_t high);  // both ends included
  double normal();                                            // N(0, 1)
  bool chance(double probability);                            // true with this probability

 private:
  std::array<std::uint32_t, 4> counter_, block_;
  std::array<std::uint32_t, 2> key_;
  int used_ = 4;
};

// A uniformly random order of 0..n-1 (Fisher-Yates on one stream).
std::vector<std::int64_t> random_order(std::int64_t n, std::uint64_t seed, Purpose purpose,
                                       std::uint64_t epoch = 0);

}  // namespace stockpot
