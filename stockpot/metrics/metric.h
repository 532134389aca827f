// The metrics that a choice can be made by, under the names that users write.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/confusion.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot {

enum class MetricKind : std::uint8_t {
  accuracy,
  mean_per_class,
  f1,
  macro_f1,
  accuracy_f1,
  matthews,
  worst_group,
  nll,
};

enum class Direction : std::uint8_t { maximize, minimize };

struct MetricRow {
  MetricKind kind;
  std::string_view name, words;
  Direction direction;
};

// clang-format off
inline constexpr MetricRow kMetrics[] = {
    {MetricKind::accuracy, "accuracy", "accuracy", Direction::maximize},
    {MetricKind::mean_per_class, "mean-per-class", "mean per-class accuracy", Direction::maximize},
    {MetricKind::f1, "f1", "F1 of class 1", Direction::maximize},
    {MetricKind::macro_f1, "macro-f1", "macro F1", Direction::maximize},
    {MetricKind::accuracy_f1, "accuracy-f1", "mean of accuracy and F1", Direction::maximize},
    {MetricKind::matthews, "matthews", "Matthews correlation", Direction::maximize},
    {MetricKind::worst_group, "worst-group", "worst-group accuracy", Direction::maximize},
    {MetricKind::nll, "nll", "negative log-likelihood", Direction::minimize},
};
// clang-format on

constexpr const MetricRow& row(MetricKind kind) { return kMetrics[static_cast<std::size_t>(kind)]; }

constexpr bool metric_table_is_in_order() {
  for (std::size_t i = 0; i < std::size(kMetrics); ++i)
    if (static_cast<std::size_t>(kMetrics[i].kind) != i) return false;
  return true;
}
static_assert(metric_table_is_in_order(), "kMetrics must be in enum order");

// "macro-f1" -> MetricKind::macro_f1; nothing for an unknown name.
std::optional<MetricKind> metric_from(std::string_view name);
// All names, for messages.
std::vector<std::string> metric_names();

// Whether a part of the rows can prove what the whole cannot become (Tally::best_possible).
constexpr bool has_bound(MetricKind kind) {
  return kind == MetricKind::accuracy || kind == MetricKind::mean_per_class ||
         kind == MetricKind::worst_group || kind == MetricKind::nll;
}

// A metric that grows row by row, in any order, with the same result for every order.
class Tally {
 public:
  // `truth` holds labels, groups and names of the whole set; its logits are not looked at. It
  // must outlive the tally. Throws FormatError for a label or group that there is none of, and
  // UsageError when the metric does not fit: worst-group without groups, F1 of a single class.
  Tally(MetricKind metric, const Predictions& truth);

  void add(std::int64_t row, std::span<const float> logits);
  std::int64_t rows() const { return rows_; }
  // Over the rows that were added. NaN when a logit that matters is (nll), or without rows.
  double value() const;
  // No set of answers to the rows that are missing can make value() better than this. NaN when
  // value() will be NaN in any case. Only for metrics with has_bound(). Comparing it with the
  // value of another model decides as the whole pass would, rounding included.
  double best_possible() const;
  Accuracy counts() const { return {confusion_.correct(), rows()}; }

 private:
  // The rows of a class or a group.
  struct Part {
    std::int64_t correct = 0, seen = 0, total = 0;
    double value(bool hopeful) const;
  };
  double over_rows(bool hopeful) const;
  double mean_per_class(bool hopeful) const;
  double worst_group(bool hopeful) const;
  double mean_loss() const;

  MetricKind metric_;
  const Predictions& truth_;
  std::int64_t rows_ = 0;
  Confusion confusion_;
  std::vector<Part> classes_, groups_;
  std::vector<double> losses_;  // by row, 0 before it was added; nll only
  double loss_ = 0;             // their sum, in the order of adding
};

// Of all rows.
double score_of(MetricKind metric, const Predictions& predictions);

}  // namespace stockpot
