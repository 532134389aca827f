// Accuracy in distribution (ID) against accuracy under distribution shift (OOD), over many models.
//
// Effective robustness (Taori et al. 2020, "Measuring robustness to natural distribution shifts"):
// accuracies of ordinary models lie near a line when both axes are scaled by logit, or by probit as
// Miller et al. 2021 do; what a model has above that line is robustness that its ID accuracy does
// not explain. And the learning rate against the drop from ID to OOD: Wortsman et al. 2022 find
// that runs of high rates lose out of distribution what ID validation does not show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/landscape/correlation.h"

namespace stockpot::landscape {

enum class AxisScale { logit, probit, linear };

// A share in (0, 1) as a coordinate, and back. Infinite at 0 and 1.
double scaled(AxisScale scale, double share);
double unscaled(AxisScale scale, double value);

// One accuracy in [0, 1]; NaN where it is not known. `total`: of how many examples; 0: not known.
struct ShiftScore {
  double accuracy = 0;
  std::int64_t total = 0;
};

struct ShiftModel {
  std::string name;
  std::string kind;    // "run", or what results call it: "soup", "ensemble", "zero_shot", ...
  bool single = true;  // one trained model: the line is fitted through these
  std::optional<double> learning_rate;
  ShiftScore id;
  std::vector<ShiftScore> ood;  // one a set
};

struct ShiftTable {
  std::string id_set;
  std::vector<std::string> ood_sets;
  std::vector<ShiftModel> models;
};

// One OOD set, or the mean of all of them (`set` is empty), against ID.
struct SetShift {
  std::string set;
  std::optional<Line> line;       // on scaled axes, through the single models
  double pearson = 0;             // of the accuracies, single models
  double spearman = 0;            // the same by rank
  std::vector<double> accuracy;   // by model
  std::vector<double> effective;  // by model: above the line, as an accuracy; NaN without one
};

// Runs whose log10 of the learning rate lies in [low, low + 0.5).
struct RateBin {
  double low = 0;
  std::int64_t runs = 0;
  double id = 0, ood = 0;  // mean accuracies; the drop is their difference
};

struct RateStudy {
  std::int64_t runs = 0;  // with a learning rate
  // Of log10 of the rate with the accuracies, and with the drop ID - mean OOD.
  double id = 0, ood = 0, drop = 0, drop_spearman = 0;
  std::vector<RateBin> bins;  // in rising order, none empty
};

struct ShiftStudy {
  ShiftTable table;
  AxisScale scale = AxisScale::logit;
  std::vector<SetShift> sets;      // the mean first when there are several
  std::optional<RateStudy> rates;  // with two runs that have learning rates
  // NaN for a model that lacks a set.
  double mean_ood(std::size_t model) const { return sets.front().accuracy[model]; }
};

// Throws UsageError without an OOD set or without a model.
ShiftStudy study_shifts(ShiftTable table, AxisScale scale);

std::string_view name_of(AxisScale scale);
// What the numbers show, in sentences that are printable().
std::vector<std::string> reading(const ShiftStudy& study);
// For a terminal of that many columns; at most `rows` models, the most robust first.
std::string shifts_text(const ShiftStudy& study, std::size_t width, std::size_t rows = 20);
// The document of docs/analyses.md.
Json to_json(const ShiftStudy& study);

}  // namespace stockpot::landscape
