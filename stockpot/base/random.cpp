#include "stockpot/base/random.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "stockpot/base/error.h"

namespace stockpot {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
  // Constants of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
  constexpr std::uint64_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiply0 * counter[0];
    const std::uint64_t product1 = kMultiply1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

// The layout is part of the results on disk:
//   key      seed, low word first
//   counter  [0] number of the block within the stream
//            [1] sample, low word
//            [2] bits 0-7 purpose, 8-27 epoch, 28-31 carry of the block number
//            [3] sample, high word
RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch,
                           std::uint64_t sample)
    : counter_{0, static_cast<std::uint32_t>(sample),
               static_cast<std::uint32_t>(epoch << 8) | static_cast<std::uint32_t>(purpose),
               static_cast<std::uint32_t>(sample >> 32)},
      block_{},
      key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {
  if (epoch >> 20 != 0) {
    throw UsageError("epoch " + std::to_string(epoch) + " is too large: at most 1048575");
  }
}

std::uint32_t RandomStream::next() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    used_ = 0;
    if (++counter_[0] == 0) counter_[2] += 1u << 28;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

namespace {

std::uint64_t next64(RandomStream& stream) {
  const std::uint64_t low = stream.next();
  return std::uint64_t{stream.next()} << 32 | low;
}

}  // namespace

double RandomStream::uniform() { return static_cast<double>(next64(*this) >> 11) * 0x1p-53; }

double RandomStream::uniform(double low, double high) {
  assert(low <= high);
  // Rounding may reach `high`.
  return std::min(low + (high - low) * uniform(), std::nextafter(high, low));
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  assert(bound > 0);
  // The 2^64 mod bound smallest values are drawn again: what is left divides evenly.
  const std::uint64_t surplus = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t bits = next64(*this);
    if (bits >= surplus) return bits % bound;
  }
}

std::int64_t RandomStream::between(std::int64_t low, std::int64_t high) {
  assert(low <= high);
  const std::uint64_t count =
      static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  const std::uint64_t offset = count == 0 ? next64(*this) : below(count);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

double RandomStream::normal() {
  // Box-Muller, without keeping its second value: every call then costs the same draws.
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

bool RandomStream::chance(double probability) { return uniform() < probability; }

std::vector<std::int64_t> random_order(std::int64_t n, std::uint64_t seed, Purpose purpose,
                                       std::uint64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(std::max<std::int64_t>(n, 0)));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  RandomStream stream(seed, purpose, epoch);
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[stream.below(left)]);
  }
  return order;
}

}  // namespace stockpot
