#include "stockpot/landscape/shifts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot::landscape {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A model that is right always or never has no place on a scaled axis; half an example moves it
// to where it can be drawn. Without a count it is left out.
double coordinate(AxisScale scale, const ShiftScore& score) {
  double share = score.accuracy;
  if (score.total > 0 && scale != AxisScale::linear) {
    const double half = 0.5 / static_cast<double>(score.total);
    share = std::clamp(share, half, 1 - half);
  }
  return scaled(scale, share);
}

ShiftScore mean_of(const std::vector<ShiftScore>& scores) {
  ShiftScore mean;
  bool counted = true;
  for (const ShiftScore& score : scores) {
    mean.accuracy += score.accuracy / static_cast<double>(scores.size());
    mean.total += score.total;
    counted = counted && score.total > 0;
  }
  if (!counted) mean.total = 0;
  return mean;
}

// `set`: the index of an OOD set; nothing for their mean.
SetShift set_shift(const ShiftTable& table, AxisScale scale, std::optional<std::size_t> set) {
  SetShift shift;
  if (set) shift.set = table.ood_sets[*set];
  std::vector<double> across, up, id, ood;
  std::vector<double> places;
  for (const ShiftModel& model : table.models) {
    const ShiftScore score = set ? model.ood[*set] : mean_of(model.ood);
    shift.accuracy.push_back(score.accuracy);
    places.push_back(coordinate(scale, model.id));
    if (!model.single) continue;
    across.push_back(places.back());
    up.push_back(coordinate(scale, score));
    id.push_back(model.id.accuracy);
    ood.push_back(score.accuracy);
  }
  shift.line = fitted_line(across, up);
  shift.pearson = pearson(id, ood);
  shift.spearman = spearman(id, ood);
  for (std::size_t i = 0; i < table.models.size(); ++i)
    shift.effective.push_back(
        shift.line ? shift.accuracy[i] - unscaled(scale, shift.line->at(places[i])) : kNaN);
  return shift;
}

std::optional<RateStudy> study_rates(const ShiftTable& table, const SetShift& mean) {
  std::vector<double> rate, id, ood, drop;
  struct Sum {
    std::int64_t runs = 0;
    double id = 0, ood = 0;
  };
  std::map<long, Sum> bins;
  for (std::size_t i = 0; i < table.models.size(); ++i) {
    const ShiftModel& model = table.models[i];
    const bool known = std::isfinite(model.id.accuracy) && std::isfinite(mean.accuracy[i]);
    if (!model.single || !known || !model.learning_rate || !(*model.learning_rate > 0)) continue;
    rate.push_back(std::log10(*model.learning_rate));
    id.push_back(model.id.accuracy);
    ood.push_back(mean.accuracy[i]);
    drop.push_back(id.back() - ood.back());
    // 1e-5 is the lower end of its bin although log10 may say -5.0000000000000002.
    Sum& bin = bins[std::lround(std::floor(2 * rate.back() + 1e-9))];
    ++bin.runs;
    bin.id += id.back();
    bin.ood += ood.back();
  }
  if (rate.size() < 2) return std::nullopt;
  RateStudy study;
  study.runs = static_cast<std::int64_t>(rate.size());
  study.id = pearson(rate, id);
  study.ood = pearson(rate, ood);
  study.drop = pearson(rate, drop);
  study.drop_spearman = spearman(rate, drop);
  for (const auto& [place, sum] : bins) {
    const auto runs = static_cast<double>(sum.runs);
    study.bins.push_back({static_cast<double>(place) / 2, sum.runs, sum.id / runs, sum.ood / runs});
  }
  return study;
}

}  // namespace

double scaled(AxisScale scale, double share) {
  if (scale == AxisScale::linear) return share;
  if (!(share > 0 && share < 1))
    return share <= 0   ? -std::numeric_limits<double>::infinity()
           : share >= 1 ? std::numeric_limits<double>::infinity()
                        : kNaN;
  return scale == AxisScale::logit ? std::log(share / (1 - share)) : normal_quantile(share);
}

double unscaled(AxisScale scale, double value) {
  if (scale == AxisScale::linear) return value;
  if (scale == AxisScale::logit) return 1 / (1 + std::exp(-value));
  return 0.5 * std::erfc(-value / std::sqrt(2.0));
}

std::string_view name_of(AxisScale scale) {
  return scale == AxisScale::logit ? "logit" : scale == AxisScale::probit ? "probit" : "linear";
}

ShiftStudy study_shifts(ShiftTable table, AxisScale scale) {
  if (table.ood_sets.empty())
    throw UsageError("the results have no OOD set: there is nothing to compare " + table.id_set +
                     " with");
  if (table.models.empty()) throw UsageError("the results have no model");
  ShiftStudy study;
  study.scale = scale;
  if (table.ood_sets.size() > 1) study.sets.push_back(set_shift(table, scale, std::nullopt));
  for (std::size_t i = 0; i < table.ood_sets.size(); ++i)
    study.sets.push_back(set_shift(table, scale, i));
  study.rates = study_rates(table, study.sets.front());
  study.table = std::move(table);
  return study;
}

}  // namespace stockpot::landscape
