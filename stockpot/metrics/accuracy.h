// Accuracy with its uncertainty.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/metrics/predictions.h"

namespace stockpot {

struct Interval {
  double low = 0, high = 0;
};

// Counts, kept as integers so that comparisons are exact.
struct Accuracy {
  std::int64_t correct = 0, total = 0;
  double value() const {
    return total ? static_cast<double>(correct) / static_cast<double>(total) : 0;
  }
  bool operator==(const Accuracy&) const = default;
};

// Wilson's score interval for a proportion (Wilson 1927), 95 % by default.
Interval wilson_interval(const Accuracy& accuracy, double confidence = 0.95);
// The same for a share of so many rows, which need not be whole: 0 <= share <= 1, rows > 0.
Interval wilson_interval(double share, double rows, double confidence = 0.95);

// Student's t interval for the mean of values from independent seeds; needs two or more.
Interval mean_interval(std::span<const double> values, double confidence = 0.95);
// Quantile of Student's t with `degrees` degrees of freedom: t_quantile(0.95, 2) = 2.920.
double t_quantile(double probability, int degrees);
double normal_quantile(double probability);

Accuracy accuracy(const Predictions& predictions);
// One entry a class (or group), in index order; classes without rows have total 0.
std::vector<Accuracy> per_class(const Predictions& predictions);
std::vector<Accuracy> per_group(const Predictions& predictions);
// The group with the lowest accuracy among those with rows.
std::int64_t worst_group(std::span<const Accuracy> groups);

// -log softmax(logits)[label], in fp64; never negative. NaN when a logit is NaN.
double row_loss(std::span<const float> logits, std::int64_t label);
// Its mean over the rows: the mean negative log-likelihood of the labels.
double negative_log_likelihood(const Predictions& predictions);

// Exact two-sided McNemar test of paired predictions: b rows only the first gets right,
// c rows only the second. (10, 2) -> 0.038574; (0, 0) -> 1.
double mcnemar(std::int64_t b, std::int64_t c);
// The same from two models' predictions on the same rows.
double mcnemar(const Predictions& first, const Predictions& second);

}  // namespace stockpot
