#include "stockpot/train/probe_checks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

void check_penalties(const std::vector<double>& c) {
  if (c.empty()) throw UsageError("the probe needs at least one penalty C");
  for (std::size_t i = 0; i < c.size(); ++i) {
    const std::string which = "penalty number " + std::to_string(i + 1) +
                              " of the probe, C = " + significant(c[i], 6) + ", ";
    if (!std::isfinite(c[i]) || c[i] <= 0) throw UsageError(which + "is not a positive number");
    if (i > 0 && c[i] == c[i - 1]) throw UsageError(which + "is there twice");
    if (i > 0 && c[i] < c[i - 1])
      throw UsageError(which + "is smaller than the one before it (" + significant(c[i - 1], 6) +
                       "): list the penalties in increasing order");
  }
}

void check_set(const std::string& name, const at::Tensor& features, const at::Tensor& labels,
               std::int64_t columns, std::int64_t lowest, std::int64_t classes) {
  if (features.dim() != 2 || labels.dim() != 1 || features.size(0) != labels.size(0) ||
      features.size(0) == 0)
    throw UsageError("the " + name +
                     " set needs a row of features for every label, and at least "
                     "one: found " +
                     std::to_string(features.size(0)) + " rows and " +
                     std::to_string(labels.numel()) + " labels");
  if (features.size(1) != columns)
    throw UsageError("the " + name + " set has " + std::to_string(features.size(1)) +
                     " features a row, the training set " + std::to_string(columns));
  if (labels.min().item<std::int64_t>() < lowest || labels.max().item<std::int64_t>() >= classes)
    throw UsageError("a label of the " + name + " set is outside of " + std::to_string(lowest) +
                     ".." + std::to_string(classes - 1));
}

std::vector<std::string> warnings_of(const ProbeResult& result, const PresentClasses& present,
                                     const at::Tensor& held_out_labels,
                                     const FeatureStatistics& statistics) {
  std::vector<std::string> warnings;
  const std::int64_t classes = present.all();
  if (result.at_grid_edge)
    warnings.push_back("the chosen C = " + significant(result.path[result.chosen].c, 3) +
                       " lies at the " + (result.chosen == 0 ? "lower" : "upper") +
                       " edge of the grid: a wider one may do better");
  if (present.count() < classes)
    warnings.push_back(counted(classes - present.count(), "class has", "classes have") +
                       " no training rows: the probe never predicts " +
                       (classes - present.count() == 1 ? "it" : "them"));
  const std::int64_t tested =
      at::bincount(held_out_labels, {}, classes).gt(0).sum().item<std::int64_t>();
  if (tested < classes)
    warnings.push_back(counted(classes - tested, "class has", "classes have") +
                       " no held-out rows, and no say in the choice of C");
  const auto constant = static_cast<std::int64_t>(
      std::count(statistics.variance.begin(), statistics.variance.end(), 0.0));
  if (constant > 0)
    warnings.push_back(counted(constant, "feature is", "features are") +
                       " the same in every training row");
  const auto open = static_cast<std::int64_t>(
      std::count_if(result.path.begin(), result.path.end(),
                    [](const ProbePoint& point) { return !point.converged; }));
  if (open > 0)
    warnings.push_back(
        std::to_string(open) + " of " + std::to_string(result.path.size()) +
        " penalties stopped before the objective was within the tolerance of its minimum");
  return warnings;
}

}  // namespace stockpot
