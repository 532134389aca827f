// Which of two methods is better, and how sure that is: differences seed by seed, with Student's t
// intervals, and picture by picture, where predictions are at hand.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/metrics/paired.h"
#include "stockpot/metrics/pictures.h"
#include "stockpot/report/report_table.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

// Which rows of a set a model gets right; `rows` names them and their order: only equal `rows` are
// compared. `shown`: what they show. Sets that show the same pictures are not independent.
struct RightOnSet {
  RightRows right;
  std::string rows;
  Pictures shown = {};
};
// Nothing when the predictions are not stored.
using RightOf =
    std::function<std::optional<RightOnSet>(const ReportedModel& model, const std::string& set)>;

// Models of one method; `right` is asked for their predictions.
struct Side {
  std::string name;  // for people
  std::vector<const ReportedModel*> runs;
  RightOf right;
};

// Compares on the sets that both have. Models are paired by their seed; a side of one model, such
// as LP, stands beside every seed of the other. Throws UsageError when no seed is on both sides.
MethodComparison compare_sides(const Side& first, const Side& second,
                               const std::vector<ReportedSet>& sets);

// FT itself, with whatever BatchNorm policy, not a variant of it.
bool is_plain_ft(const MethodSummary& method);

// The comparisons of a report: every FT and LP-FT with LP, every LP-FT with every FT, and every
// other method of fine-tuning with the FT that is best on held-out data.
std::vector<MethodComparison> compare_methods(const RunReport& report, const RightOf& right);

Json to_json(const MethodComparison& comparison);  // an entry of comparisons[] in results.json
// One row a comparison and set.
TitledTable comparison_table(const std::vector<MethodComparison>& comparisons);

}  // namespace stockpot
