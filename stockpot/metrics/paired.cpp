#include "stockpot/metrics/paired.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/base/threads.h"

namespace stockpot {

SeedDifference seed_difference(std::span<const double> first, std::span<const double> second) {
  if (first.empty() || first.size() != second.size())
    throw UsageError("a paired difference needs the same seeds on both sides, found " +
                     std::to_string(first.size()) + " and " + std::to_string(second.size()));
  std::vector<double> differences;
  SeedDifference result;
  for (std::size_t i = 0; i < first.size(); ++i) {
    differences.push_back(first[i] - second[i]);
    result.mean += differences.back() / static_cast<double>(first.size());
  }
  if (differences.size() < 2) return result;
  result.low_confidence = mean_interval(differences, 0.90);
  result.confidence = mean_interval(differences, 0.95);
  return result;
}

std::vector<double> picture_replicates(std::span<const RightRows> first,
                                       std::span<const RightRows> second, std::uint64_t seed,
                                       std::span<const std::size_t> numbers) {
  assert(!first.empty() && !second.empty());
  const std::int64_t rows = first.front().rows();
  std::vector<double> replicates(kPictureReplicates);
  if (rows == 0) return replicates;
  const auto picture_of_row = [&](std::int64_t row) {
    const auto i = static_cast<std::size_t>(row);
    return numbers.empty() ? i : numbers[i];
  };
  struct Picture {
    double difference = 0, rows = 0;
  };
  std::vector<Picture> pictures(numbers.empty() ? static_cast<std::size_t>(rows)
                                                : 1 + std::ranges::max(numbers));
  for (std::int64_t i = 0; i < rows; ++i) pictures[picture_of_row(i)].rows += 1;
  const auto add = [&](std::span<const RightRows> models, double sign) {
    for (const RightRows& right : models) {
      assert(right.rows() == rows);
      for (std::int64_t i = 0; i < rows; ++i)
        if (right[i])
          pictures[picture_of_row(i)].difference += sign / static_cast<double>(models.size());
    }
  };
  add(first, 1);
  add(second, -1);
  parallel_for(kPictureReplicates, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      RandomStream random(seed, Purpose::bootstrap, 0, static_cast<std::uint64_t>(r));
      Picture sum;
      for (std::size_t i = 0; i < pictures.size(); ++i) {
        const Picture& drawn = pictures[random.below(pictures.size())];
        sum.difference += drawn.difference;
        sum.rows += drawn.rows;
      }
      replicates[static_cast<std::size_t>(r)] = sum.difference / sum.rows;
    }
  });
  return replicates;
}

Interval percentile_interval(std::vector<double> replicates) {
  assert(!replicates.empty());
  std::sort(replicates.begin(), replicates.end());
  const auto n = static_cast<double>(replicates.size());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(share * n)));
    return replicates[rank - 1];
  };
  return {at(0.025), at(0.975)};
}

}  // namespace stockpot
