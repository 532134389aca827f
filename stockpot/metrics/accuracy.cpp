#include "stockpot/metrics/accuracy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

// A row whose largest logit is NaN is wrong, whatever its label.
bool is_correct(const Predictions& predictions, std::int64_t row) {
  const auto logits = predictions.row(row);
  const std::int64_t said = predicted_class(logits);
  return said == predictions.labels[static_cast<std::size_t>(row)] &&
         !std::isnan(logits[static_cast<std::size_t>(said)]);
}

std::size_t checked(std::int64_t index, std::size_t count, const char* what, std::int64_t row) {
  if (index < 0 || static_cast<std::size_t>(index) >= count) {
    throw FormatError("predictions: row " + std::to_string(row) + " has " + what + " " +
                      std::to_string(index) + ", but there are " + std::to_string(count));
  }
  return static_cast<std::size_t>(index);
}

std::vector<Accuracy> split_by(const Predictions& predictions, std::span<const std::int64_t> index,
                               std::size_t count, const char* what) {
  std::vector<Accuracy> parts(count);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(index.size()); ++i) {
    Accuracy& part = parts[checked(index[static_cast<std::size_t>(i)], count, what, i)];
    ++part.total;
    part.correct += is_correct(predictions, i) ? 1 : 0;
  }
  return parts;
}

}  // namespace

Accuracy accuracy(const Predictions& predictions) {
  Accuracy result{0, predictions.rows()};
  for (std::int64_t i = 0; i < predictions.rows(); ++i) {
    result.correct += is_correct(predictions, i) ? 1 : 0;
  }
  return result;
}

std::vector<Accuracy> per_class(const Predictions& predictions) {
  return split_by(predictions, predictions.labels, static_cast<std::size_t>(predictions.classes),
                  "label");
}

std::vector<Accuracy> per_group(const Predictions& predictions) {
  return split_by(predictions, predictions.groups, predictions.group_names.size(), "group");
}

std::int64_t worst_group(std::span<const Accuracy> groups) {
  std::int64_t worst = -1;
  double lowest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].total > 0 && groups[i].value() < lowest) {
      lowest = groups[i].value();
      worst = static_cast<std::int64_t>(i);
    }
  }
  return worst;
}

double row_loss(std::span<const float> logits, std::int64_t label) {
  // Shifted by the largest logit, so that exp cannot overflow.
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(label)]) - largest);
}

double negative_log_likelihood(const Predictions& predictions) {
  if (predictions.rows() == 0) return 0;
  const auto classes = static_cast<std::size_t>(predictions.classes);
  double total = 0;
  for (std::int64_t i = 0; i < predictions.rows(); ++i) {
    const std::int64_t label = predictions.labels[static_cast<std::size_t>(i)];
    checked(label, classes, "label", i);
    total += row_loss(predictions.row(i), label);
  }
  return total / static_cast<double>(predictions.rows());
}

double mcnemar(std::int64_t b, std::int64_t c) {
  if (b < 0 || c < 0) throw UsageError("McNemar's test needs counts that are not negative");
  const double n = static_cast<double>(b) + static_cast<double>(c);
  const double smaller = static_cast<double>(std::min(b, c));
  // C(n, i) / 2^n for i = smaller, then downwards by ratios until the terms vanish.
  double term = std::exp(std::lgamma(n + 1) - std::lgamma(smaller + 1) -
                         std::lgamma(n - smaller + 1) - n * std::numbers::ln2);
  double sum = 0;
  for (double i = smaller; i >= 0; --i) {
    sum += term;
    term *= i / (n - i + 1);
    if (term < sum * 1e-18) break;
  }
  return std::min(1.0, 2 * sum);
}

double mcnemar(const Predictions& first, const Predictions& second) {
  if (!same_rows(first, second)) {
    throw UsageError("McNemar's test needs two models' predictions on the same rows");
  }
  std::int64_t only_first = 0, only_second = 0;
  for (std::int64_t i = 0; i < first.rows(); ++i) {
    const bool a = is_correct(first, i), b = is_correct(second, i);
    only_first += a && !b ? 1 : 0;
    only_second += b && !a ? 1 : 0;
  }
  return mcnemar(only_first, only_second);
}

}  // namespace stockpot
