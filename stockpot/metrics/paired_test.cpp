#include "stockpot/metrics/paired_test.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

#include "stockpot/base/text.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

// Smaller terms cannot matter, and the smallest numbers of all are slow to compute with.
constexpr double kNothing = 1e-290;

// How likely it is that those of `parts` that a fair coin chooses, one by one, add up to `most` or
// less.
double chance_of_at_most(std::int64_t most, const std::vector<std::int64_t>& parts) {
  std::vector<double> chance(static_cast<std::size_t>(most + 1));
  chance[0] = 1;
  std::int64_t low = 0, high = 0;  // outside of these there is nothing
  for (const std::int64_t part : parts) {
    const std::int64_t top = std::min(high + part, most);
    for (std::int64_t sum = top; sum >= low; --sum) {
      double& here = chance[static_cast<std::size_t>(sum)];
      if (sum - part >= low) here += chance[static_cast<std::size_t>(sum - part)];
      here /= 2;
    }
    high = top;
    const auto drop = [&](std::int64_t sum) {
      double& here = chance[static_cast<std::size_t>(sum)];
      if (here >= kNothing) return false;
      here = 0;
      return true;
    };
    while (low < high && drop(low)) ++low;
    while (low < high && drop(high)) --high;
  }
  double sum = 0;
  for (const double one : chance) sum += one;
  return sum;
}

}  // namespace

double sign_flip_test(std::span<const std::int64_t> differences) {
  std::vector<std::int64_t> sizes;
  std::int64_t sum = 0, size = 0;
  for (const std::int64_t difference : differences) {
    if (difference == 0) continue;  // either sign is the same
    sizes.push_back(std::abs(difference));
    sum += difference;
    size += sizes.back();
  }
  if (sum == 0) return 1;
  // Small ones first keep the range of sums short for long, and make the result independent of the
  // order of the rows.
  std::ranges::sort(sizes);
  // The positive ones add up to (size + sum) / 2; by symmetry the other tail is as likely.
  return std::min(1.0, 2 * chance_of_at_most((size - std::abs(sum)) / 2, sizes));
}

PairedTest paired_test(const RightRows& first, const RightRows& second, const Pictures& pictures) {
  assert(first.rows() == second.rows());
  PairedTest test;
  for (std::int64_t i = 0; i < first.rows(); ++i) {
    test.only_first += first[i] && !second[i] ? 1 : 0;
    test.only_second += second[i] && !first[i] ? 1 : 0;
  }
  if (!pictures.copies) {
    test.p = mcnemar(test.only_first, test.only_second);
    return test;
  }
  const std::vector<std::size_t> numbers = pictures.numbers();
  assert(std::ssize(numbers) == first.rows());
  std::vector<std::int64_t> differences(1 + std::ranges::max(numbers));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    differences[numbers[i]] += (first[row] ? 1 : 0) - (second[row] ? 1 : 0);
  }
  test.p = sign_flip_test(differences);
  test.pictures = std::ssize(differences);
  return test;
}

std::string name_of(const PairedTest& test) {
  if (test.pictures == 0) return "exact McNemar test";
  return "exact permutation test over " + grouped(test.pictures) + " pictures";
}

}  // namespace stockpot
