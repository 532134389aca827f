#include "stockpot/diagnose/bootstrap.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "stockpot/base/random.h"
#include "stockpot/base/threads.h"

namespace stockpot::diagnose {
namespace {

// P(Poisson(1) <= k) in units of 2^-32.
std::array<double, 16> poisson_table() {
  std::array<double, 16> table{};
  double term = std::exp(-1.0), sum = 0;
  for (std::size_t k = 0; k < table.size(); ++k) {
    sum += term;
    table[k] = sum * 4294967296.0;
    term /= static_cast<double>(k + 1);
  }
  return table;
}

std::uint8_t poisson(std::uint32_t bits) {
  static const std::array<double, 16> table = poisson_table();
  std::uint8_t count = 0;
  while (count < 15 && bits >= table[count]) ++count;
  return count;
}

}  // namespace

PercentileInterval percentiles(std::vector<double> replicates) {
  assert(!replicates.empty());
  std::sort(replicates.begin(), replicates.end(),
            [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; });
  const double count = static_cast<double>(replicates.size());
  const auto at = [&](double share) {
    const double rank = std::clamp(std::ceil(share * count) - 1, 0.0, count - 1);
    return replicates[static_cast<std::size_t>(rank)];
  };
  return {at(0.025), at(0.975)};
}

StreamingBootstrap::StreamingBootstrap(std::uint64_t seed, std::uint64_t set, std::size_t channels)
    : seed_(seed),
      set_(set),
      channels_(channels),
      sums_(channels),
      weights_(kReplicates),
      weighted_(kReplicates * channels) {}

void StreamingBootstrap::add(const MatrixXd& rows) {
  assert(rows.cols() == static_cast<Eigen::Index>(channels_));
  const auto count = static_cast<std::size_t>(rows.rows());
  for (std::size_t c = 0; c < channels_; ++c)
    for (const double value : rows.col(static_cast<Eigen::Index>(c))) sums_[c] += value;
  // How often each row counts in each replicate, row by row.
  std::vector<std::uint8_t> counts(count * kReplicates);
  parallel_for(rows.rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      RandomStream draws(seed_, Purpose::subset, set_, rows_ + i);
      for (std::size_t r = 0; r < kReplicates; ++r)
        counts[i * kReplicates + r] = poisson(draws.next());
    }
  });
  const MatrixXd by_row = rows.transpose();
  parallel_for(kReplicates, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::size_t i = 0; i < count; ++i) {
      const double* values = by_row.col(static_cast<Eigen::Index>(i)).data();
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        const int weight = counts[i * kReplicates + r];
        if (weight == 0) continue;
        weights_[r] += weight;
        for (std::size_t c = 0; c < channels_; ++c)
          weighted_[r * channels_ + c] += weight * values[c];
      }
    }
  });
  rows_ += count;
}

double StreamingBootstrap::mean(std::size_t channel) const {
  return sums_[channel] / static_cast<double>(rows_);
}

std::vector<double> StreamingBootstrap::replicates(std::size_t channel) const {
  std::vector<double> means(kReplicates);
  for (std::size_t r = 0; r < means.size(); ++r)
    means[r] = weighted_[r * channels_ + channel] / weights_[r];
  return means;
}

}  // namespace stockpot::diagnose
