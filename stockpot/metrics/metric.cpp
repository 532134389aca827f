#include "stockpot/metrics/metric.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::size_t checked(std::int64_t index, std::size_t count, const char* what, std::int64_t row) {
  if (index < 0 || static_cast<std::size_t>(index) >= count)
    throw FormatError("row " + std::to_string(row) + " has " + what + " " + std::to_string(index) +
                      ", but there are " + std::to_string(count));
  return static_cast<std::size_t>(index);
}

}  // namespace

std::optional<MetricKind> metric_from(std::string_view name) {
  for (const MetricRow& entry : kMetrics)
    if (entry.name == name) return entry.kind;
  return std::nullopt;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricRow& entry : kMetrics) names.emplace_back(entry.name);
  return names;
}

double Tally::Part::value(bool hopeful) const {
  const std::int64_t right = hopeful ? correct + total - seen : correct;
  return static_cast<double>(right) / static_cast<double>(hopeful ? total : seen);
}

Tally::Tally(MetricKind metric, const Predictions& truth)
    : metric_(metric),
      truth_(truth),
      confusion_(truth.classes),
      classes_(static_cast<std::size_t>(truth.classes)),
      groups_(metric == MetricKind::worst_group ? truth.group_names.size() : 0) {
  for (std::int64_t i = 0; i < truth.rows(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    ++classes_[checked(truth.labels[at], classes_.size(), "label", i)].total;
    if (metric == MetricKind::worst_group && !truth.groups.empty())
      ++groups_[checked(truth.groups[at], groups_.size(), "group", i)].total;
  }
  const auto filled = std::ranges::count_if(groups_, [](const Part& p) { return p.total > 0; });
  if (metric == MetricKind::worst_group && filled < 1)
    throw UsageError("worst-group accuracy needs groups: these rows have none");
  if ((metric == MetricKind::f1 || metric == MetricKind::accuracy_f1) && truth.classes < 2)
    throw UsageError("F1 needs two classes or more");
  if (metric == MetricKind::nll) losses_.resize(truth.labels.size());
}

void Tally::add(std::int64_t row, std::span<const float> logits) {
  const auto at = static_cast<std::size_t>(row);
  const std::int64_t label = truth_.labels[at], said = said_class(logits);
  const bool right = said == label;
  confusion_.add(label, said);
  ++rows_;
  const auto count = [&](Part& part) {
    ++part.seen;
    part.correct += right ? 1 : 0;
  };
  count(classes_[static_cast<std::size_t>(label)]);
  if (!groups_.empty()) count(groups_[static_cast<std::size_t>(truth_.groups[at])]);
  if (metric_ != MetricKind::nll) return;
  losses_[at] = row_loss(logits, label);
  loss_ += losses_[at];
}

double Tally::over_rows(bool hopeful) const {
  return Part{confusion_.correct(), rows_, truth_.rows()}.value(hopeful);
}

double Tally::mean_per_class(bool hopeful) const {
  double sum = 0;
  std::int64_t classes = 0;
  for (const Part& part : classes_) {
    if ((hopeful ? part.total : part.seen) == 0) continue;
    sum += part.value(hopeful);
    ++classes;
  }
  return sum / static_cast<double>(classes);
}

double Tally::worst_group(bool hopeful) const {
  double worst = std::numeric_limits<double>::infinity();
  for (const Part& part : groups_)
    if ((hopeful ? part.total : part.seen) > 0) worst = std::min(worst, part.value(hopeful));
  return worst;
}

// In the order of the rows, whatever the order of adding them.
double Tally::mean_loss() const {
  double sum = 0;
  for (const double loss : losses_) sum += loss;
  return sum / static_cast<double>(rows_);
}

double Tally::value() const {
  if (rows_ == 0) return kNan;
  switch (metric_) {
    case MetricKind::accuracy:
      return over_rows(false);
    case MetricKind::mean_per_class:
      return mean_per_class(false);
    case MetricKind::f1:
      return f1(confusion_, 1);
    case MetricKind::macro_f1:
      return macro_f1(confusion_);
    case MetricKind::accuracy_f1:
      return mean_of_accuracy_and_f1(confusion_);
    case MetricKind::matthews:
      return matthews(confusion_);
    case MetricKind::worst_group:
      return worst_group(false);
    case MetricKind::nll:
      return mean_loss();
  }
  return kNan;
}

double Tally::best_possible() const {
  if (truth_.rows() == 0) return kNan;
  switch (metric_) {
    case MetricKind::accuracy:
      return over_rows(true);
    case MetricKind::mean_per_class:
      return mean_per_class(true);
    case MetricKind::worst_group:
      return worst_group(true);
    case MetricKind::nll: {
      // Losses are not negative: the others can only add to it. Sums in different orders differ
      // by less than the rounding of that many additions.
      const auto n = static_cast<double>(truth_.rows());
      const double rounding = 4 * n * std::numeric_limits<double>::epsilon();
      return loss_ * (1 - rounding) / n;
    }
    default:
      return std::numeric_limits<double>::infinity();
  }
}

double score_of(MetricKind metric, const Predictions& predictions) {
  Tally tally(metric, predictions);
  for (std::int64_t i = 0; i < predictions.rows(); ++i) tally.add(i, predictions.row(i));
  return tally.value();
}

}  // namespace stockpot
