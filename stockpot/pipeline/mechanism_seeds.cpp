#include "stockpot/pipeline/mechanism_seeds.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "stockpot/base/text.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

using diagnose::Distortion;
using diagnose::SetMovement;

// "1.25 [1.1, 1.4]"; a dash where some seed has no value.
std::string mean_over(const std::vector<std::optional<double>>& values) {
  std::vector<double> known;
  for (const std::optional<double>& value : values) {
    if (!value) return "-";
    known.push_back(*value);
  }
  const Interval interval = mean_interval(known);
  const double mean =
      std::accumulate(known.begin(), known.end(), 0.0) / static_cast<double>(known.size());
  return significant(mean, 3) + " [" + significant(interval.low, 3) + ", " +
         significant(interval.high, 3) + "]";
}

}  // namespace

TitledTable over_seeds(std::span<const Distortion> seeds) {
  const Distortion& first = seeds.front();
  TitledTable table{
      .title = "Over " + std::to_string(seeds.size()) + " seeds",
      .columns = {"model", "set", "/ norm", "/ spread", "ID / set", "above 1",
                  "to " + first.models[1], "in ID span", "CKA"},
      .rows = {},
      .names = 2,
      .note =
          "Means over the seeds with 95 % intervals of Student's t over them; the columns are "
          "those of the tables of the first seed. above 1: in how many seeds ID moved further "
          "than the set, as the paper predicts. to " +
          first.models[1] + ": distance over that of the same seed's " + first.models[1] + "."};
  for (std::size_t a = 0; a < first.afters(); ++a)
    for (std::size_t s = 0; s < first.sets.size(); ++s) {
      const auto mean = [&](const auto& value) {
        std::vector<std::optional<double>> values;
        for (const Distortion& seed : seeds) values.push_back(value(seed.sets[s].movements[a]));
        return mean_over(values);
      };
      const auto predicted = std::ranges::count_if(seeds, [&](const Distortion& seed) {
        return seed.sets[s].movements[a].id_ratio.value_or(0) > 1;
      });
      using Value = std::optional<double>;
      table.rows.push_back(
          {first.models[a + 1], first.sets[s].name,
           mean([](const SetMovement& moved) -> Value { return moved.over_norm; }),
           mean([](const SetMovement& moved) -> Value { return moved.over_spread; }),
           mean([](const SetMovement& moved) -> Value { return moved.id_ratio; }),
           first.sets[s].movements[a].id_ratio
               ? std::to_string(predicted) + " of " + std::to_string(seeds.size())
               : "-",
           mean([](const SetMovement& moved) -> Value { return moved.to_first; }),
           mean([](const SetMovement& moved) -> Value { return moved.inside; }),
           mean([](const SetMovement& moved) -> Value { return moved.cka; })});
    }
  return table;
}

}  // namespace stockpot
