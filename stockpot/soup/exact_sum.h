// Sums of numbers in which nothing is lost, whatever their exponents: adding a model and taking it
// out again leaves the very sum that was there before.
//
// The sum of a number is kept as several doubles that add up to it exactly (an expansion: Shewchuk
// 1997). Nearly always one is enough, because fp64 holds sums of fp32, fp16 and bf16 weights
// exactly unless their exponents differ by more than 2^23 or so; further ones are made for the
// tiles (merge/tiles.h) that need them. What is read from it depends on the exact value only,
// never on the order of additions and removals.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace stockpot {

class ExactSum {
 public:
  explicit ExactSum(std::int64_t elements);
  std::int64_t elements() const { return static_cast<std::int64_t>(high_.size()); }

  // The numbers first .. first + x.size() - 1; `first` begins a tile, x does not reach past it.
  // Different tiles may be worked on at once. Values must be finite.
  void add(std::int64_t first, std::span<const double> x) { change(first, x, 1); }
  void remove(std::int64_t first, std::span<const double> x) { change(first, x, -1); }

  // (sum + sign * x) / count, without changing the sum; x may be empty. The exact value is taken
  // to about 106 bits, divided, and rounded to fp64.
  // `count` terms are in the result: where all of them are -0, it is -0, else zeros are +0.
  void mean(std::int64_t first, std::span<const double> x, double sign, int count,
            std::span<double> out) const;

 private:
  // What a tile needs beyond one double a number.
  struct More {
    std::vector<std::vector<double>> levels;
    std::vector<std::int32_t> negative_zeros;  // terms that are -0; empty: none
  };
  void change(std::int64_t first, std::span<const double> x, double sign);
  const More* more(std::int64_t first) const;
  More& make_more(std::int64_t first);

  std::vector<double> high_;
  std::vector<std::unique_ptr<More>> more_;  // by tile
};

}  // namespace stockpot
