#include "stockpot/metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"

namespace stockpot {
namespace {

constexpr std::int64_t kRows = 256;  // that a thread takes at a time
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::size_t checked_label(const Predictions& predictions, std::int64_t row) {
  const std::int64_t label = predictions.labels[static_cast<std::size_t>(row)];
  if (label < 0 || label >= predictions.classes)
    throw FormatError("row " + std::to_string(row) + " has the label " + std::to_string(label) +
                      ", there are " + std::to_string(predictions.classes) + " classes");
  return static_cast<std::size_t>(label);
}

// softmax(beta * logits) of one row: probabilities on demand, from the largest logit down.
struct Softmax {
  Softmax(std::span<const float> row, double inverse_temperature)
      : logits(row), beta(inverse_temperature), largest(*std::max_element(row.begin(), row.end())) {
    for (const float logit : logits) {
      finite &= std::isfinite(logit);
      total += weight(logit);
    }
  }
  double weight(float logit) const {
    return std::exp(beta * (static_cast<double>(logit) - largest));
  }
  double probability(std::size_t i) const { return weight(logits[i]) / total; }

  std::span<const float> logits;
  double beta, largest, total = 0;
  bool finite = true;
};

// The mean over the rows of value(row, softmax), NaN when a logit is not finite. The sum is taken
// in the order of the rows, whoever computed the terms.
template <typename Value>
double mean_over_rows(const Predictions& predictions, double beta, const Value& value) {
  if (predictions.rows() == 0) return 0;
  std::vector<double> terms(static_cast<std::size_t>(predictions.rows()));
  parallel_for(predictions.rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Softmax softmax(predictions.row(i), beta);
      terms[static_cast<std::size_t>(i)] =
          softmax.finite ? value(checked_label(predictions, i), softmax) : kNaN;
    }
  });
  return std::accumulate(terms.begin(), terms.end(), 0.0) / static_cast<double>(terms.size());
}

double row_nll(std::size_t label, const Softmax& softmax) {
  return std::log(softmax.total) -
         softmax.beta * (static_cast<double>(softmax.logits[label]) - softmax.largest);
}

double nll_at(const Predictions& predictions, double beta) {
  return mean_over_rows(predictions, beta, row_nll);
}

struct Sure {
  double confidence = 0;
  bool right = false;
};

std::vector<Sure> confidences(const Predictions& predictions, double beta) {
  std::vector<Sure> rows(static_cast<std::size_t>(predictions.rows()));
  parallel_for(predictions.rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Softmax softmax(predictions.row(i), beta);
      const auto said = static_cast<std::size_t>(predicted_class(predictions.row(i)));
      rows[static_cast<std::size_t>(i)] = {softmax.finite ? softmax.probability(said) : kNaN,
                                           said == checked_label(predictions, i)};
    }
  });
  return rows;
}

// Mean and variance of the logits under the model, as derivatives by beta: the mean over the rows
// of E[z] - z_label, and of Var[z].
struct Slope {
  double first = 0, second = 0;
};
Slope slope_at(const Predictions& predictions, double beta) {
  std::vector<Slope> terms(static_cast<std::size_t>(predictions.rows()));
  parallel_for(predictions.rows(), kRows, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Softmax softmax(predictions.row(i), beta);
      double mean = 0, square = 0;  // of z below the largest one
      for (const float logit : softmax.logits) {
        const double z = static_cast<double>(logit) - softmax.largest;
        const double p = softmax.weight(logit) / softmax.total;
        mean += p * z;
        square += p * z * z;
      }
      const float own = softmax.logits[checked_label(predictions, i)];
      terms[static_cast<std::size_t>(i)] = {mean - (static_cast<double>(own) - softmax.largest),
                                            std::max(0.0, square - mean * mean)};
    }
  });
  Slope sum;
  for (const Slope& term : terms) {
    sum.first += term.first;
    sum.second += term.second;
  }
  const auto n = static_cast<double>(terms.size());
  return {sum.first / n, sum.second / n};
}

// The root of the derivative between two points where it is negative and positive.
double root_between(const Predictions& predictions, double low, double high) {
  double beta = std::clamp(1.0, low, high);
  for (int step = 0; step < 200; ++step) {
    const Slope slope = slope_at(predictions, beta);
    if (slope.first == 0) return beta;
    (slope.first < 0 ? low : high) = beta;
    const double newton = beta - slope.first / slope.second;
    // A step that leaves the bracket, or that is none, is replaced by its geometric middle.
    const double next = newton > low && newton < high ? newton : std::sqrt(low * high);
    if (std::abs(next - beta) <= 1e-14 * beta) return next;
    beta = next;
  }
  return beta;
}

}  // namespace

Reliability reliability(const Predictions& predictions, BinKind kind, int bins,
                        double temperature) {
  if (bins < 1) throw UsageError("calibration needs one bin or more, got " + std::to_string(bins));
  std::vector<Sure> rows = confidences(predictions, 1 / temperature);
  if (std::ranges::any_of(rows, [](const Sure& row) { return std::isnan(row.confidence); }))
    return {{}, kNaN, kNaN};
  std::ranges::stable_sort(rows, {}, &Sure::confidence);
  const std::size_t n = rows.size(), count = static_cast<std::size_t>(bins);
  Reliability result;
  std::size_t at = 0;
  for (std::size_t b = 0; b < count; ++b) {
    std::size_t end = at;
    if (kind == BinKind::mass)
      end += n / count + (b < n % count ? 1 : 0);
    else if (b + 1 == count)
      end = n;  // whatever rounding made of 1
    else
      while (end < n && rows[end].confidence <= static_cast<double>(b + 1) / bins) ++end;
    if (end == at) continue;
    CalibrationBin bin{.low = rows[at].confidence, .high = rows[end - 1].confidence};
    for (; at < end; ++at) {
      ++bin.rows;
      bin.correct += rows[at].right ? 1 : 0;
      bin.confidence += rows[at].confidence;
    }
    bin.confidence /= static_cast<double>(bin.rows);
    const double error = std::abs(bin.accuracy() - bin.confidence);
    result.expected_error += error * static_cast<double>(bin.rows) / static_cast<double>(n);
    result.largest_error = std::max(result.largest_error, error);
    result.bins.push_back(bin);
  }
  return result;
}

double brier_score(const Predictions& predictions, double temperature) {
  return mean_over_rows(predictions, 1 / temperature,
                        [](std::size_t label, const Softmax& softmax) {
                          double sum = 0;
                          for (std::size_t c = 0; c < softmax.logits.size(); ++c) {
                            const double off = softmax.probability(c) - (c == label ? 1 : 0);
                            sum += off * off;
                          }
                          return sum;
                        });
}

double negative_log_likelihood(const Predictions& predictions, double temperature) {
  return nll_at(predictions, 1 / temperature);
}

CalibrationScore calibration_score(const Predictions& predictions, int bins, double temperature) {
  return {reliability(predictions, BinKind::mass, bins, temperature),
          reliability(predictions, BinKind::width, bins, temperature),
          brier_score(predictions, temperature), negative_log_likelihood(predictions, temperature)};
}

Temperature fit_temperature(const Predictions& held_out) {
  constexpr double kLow = 0.01, kHigh = 100;  // as 1 / T too
  if (held_out.rows() == 0) throw UsageError("a temperature needs held-out rows, there are none");
  if (!std::ranges::all_of(held_out.logits, [](float z) { return std::isfinite(z); }))
    throw FormatError("held-out logits are NaN or infinite: no temperature fits them");
  double beta = 0;
  Temperature result;
  if (!(slope_at(held_out, kLow).first < 0))
    beta = kLow;
  else if (!(slope_at(held_out, kHigh).first > 0))
    beta = kHigh;
  result.at_bound = beta != 0;
  if (!result.at_bound) beta = root_between(held_out, kLow, kHigh);
  result.value = 1 / beta;
  result.nll_before = nll_at(held_out, 1);
  result.nll_after = nll_at(held_out, beta);
  return result;
}

}  // namespace stockpot
