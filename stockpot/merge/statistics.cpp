#include "stockpot/merge/statistics.h"

#include <vector>

namespace stockpot {

void total_variance(std::span<const TensorView* const> sources, std::size_t models,
                    std::int64_t first, std::span<double> out) {
  std::vector<std::vector<double>> values;
  for (const TensorView* source : sources)
    read_values(*source, first, std::span(values.emplace_back(out.size())));
  const auto count = static_cast<double>(models);
  const std::size_t variances = sources.size() - models;  // 0 when there are no means
  for (std::size_t i = 0; i < out.size(); ++i) {
    // From the first one, so that equal statistics stay as they are, bit for bit.
    const auto mean = [&](std::size_t begin) {
      double sum = 0;
      for (std::size_t m = 1; m < models; ++m) sum += values[begin + m][i] - values[begin][i];
      return values[begin][i] + sum / count;
    };
    out[i] = mean(variances);
    if (variances == 0) continue;
    const double centre = mean(0);
    double spread = 0;
    for (std::size_t m = 0; m < models; ++m)
      spread += (values[m][i] - centre) * (values[m][i] - centre);
    out[i] += spread / count;
  }
}

}  // namespace stockpot
