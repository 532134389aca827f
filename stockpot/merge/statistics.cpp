#include "stockpot/merge/statistics.h"

#include <algorithm>
#include <numeric>

#include "stockpot/checkpoint/tensor_role.h"

namespace stockpot {

void total_variance(std::span<const TensorView* const> sources, std::size_t models,
                    std::span<const double> shares, std::int64_t first, std::span<double> out) {
  std::vector<std::vector<double>> values;
  for (const TensorView* source : sources)
    read_values(*source, first, std::span(values.emplace_back(out.size())));
  const auto count = static_cast<double>(models);
  const std::size_t variances = sources.size() - models;  // 0 when there are no means
  // The mean of term(model); sums with equal shares are divided once.
  const auto mean_of = [&](const auto& term) {
    double sum = 0;
    for (std::size_t m = 0; m < models; ++m)
      if (shares.empty() || shares[m] != 0) sum += (shares.empty() ? 1 : shares[m]) * term(m);
    return shares.empty() ? sum / count : sum;
  };
  std::size_t start = 0;
  while (!shares.empty() && start + 1 < models && shares[start] == 0) ++start;
  const bool outside = std::ranges::any_of(shares, [](double share) { return share < 0; }) &&
                       is_running_variance(sources.back()->name);
  for (std::size_t i = 0; i < out.size(); ++i) {
    // From the first one that counts, so that equal statistics stay as they are, bit for bit.
    const auto mean = [&](std::size_t begin) {
      const double origin = values[begin + start][i];
      return origin + mean_of([&](std::size_t m) { return values[begin + m][i] - origin; });
    };
    out[i] = mean(variances);
    if (variances != 0) {
      const double centre = mean(0);
      out[i] +=
          mean_of([&](std::size_t m) { return (values[m][i] - centre) * (values[m][i] - centre); });
    }
    if (outside) out[i] = out[i] < 0 ? 0 : out[i];
  }
}

std::vector<double> shares_of(std::span<const double> weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto members = static_cast<double>(
      weights.size() - static_cast<std::size_t>(std::ranges::count(weights, 0.0)));
  std::vector<double> shares;
  for (const double weight : weights)
    shares.push_back(total != 0 ? weight / total : (weight != 0 ? 1 / members : 0));
  return shares;
}

}  // namespace stockpot
