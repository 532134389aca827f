#include "stockpot/landscape/soup_gap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/landscape/correlation.h"

namespace stockpot::landscape {
namespace {

// By Simpson's rule over values at equal distances; an odd number of them.
double simpson(std::span<const double> values, double step) {
  double sum = values.front() + values.back();
  for (std::size_t i = 1; i + 1 < values.size(); ++i) sum += (i % 2 == 1 ? 4 : 2) * values[i];
  return sum * step / 3;
}

// d^2 f / dt^2 at a place that is not an end, of fourth order in the step.
double second_difference(std::span<const double> f, std::size_t i, double step) {
  const std::size_t n = f.size();
  double sum = 0;
  if (i == 1)
    sum = 10 * f[0] - 15 * f[1] - 4 * f[2] + 14 * f[3] - 6 * f[4] + f[5];
  else if (i + 2 == n)
    sum = 10 * f[n - 1] - 15 * f[n - 2] - 4 * f[n - 3] + 14 * f[n - 4] - 6 * f[n - 5] + f[n - 6];
  else
    sum = -f[i - 2] + 16 * f[i - 1] - 30 * f[i] + 16 * f[i + 1] - f[i + 2];
  return sum / (12 * step * step);
}

void check_samples(std::size_t samples, std::size_t kink) {
  const bool fits =
      samples >= 7 && kink > 0 && kink + 1 < samples && kink % 2 == 0 && (samples - 1) % 2 == 0;
  if (!fits)
    throw UsageError(
        "the integral needs an even number of intervals, 6 or more, on whose even "
        "points alpha lies");
}

// The weight of a row of log-likelihoods, shifted by the largest logit.
double log_sum_exp(std::span<const float> logits, double beta) {
  double top = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const float logit : logits) top = std::max(top, beta * static_cast<double>(logit));
  for (const float logit : logits) sum += std::exp(beta * static_cast<double>(logit) - top);
  return top + std::log(sum);
}

double row_loss_at(std::span<const float> logits, std::int64_t label, double beta) {
  return log_sum_exp(logits, beta) -
         beta * static_cast<double>(logits[static_cast<std::size_t>(label)]);
}

// Derivatives of the mean loss by beta.
struct Slope {
  double first = 0, second = 0;
};

Slope slope_at(const Predictions& predictions, double beta) {
  Slope slope;
  for (std::int64_t i = 0; i < predictions.rows(); ++i) {
    const std::span<const float> logits = predictions.row(i);
    const double norm = log_sum_exp(logits, beta);
    double mean = 0, square = 0;
    for (const float logit : logits) {
      const auto z = static_cast<double>(logit);
      const double p = std::exp(beta * z - norm);
      mean += p * z;
      square += p * z * z;
    }
    const std::int64_t label = predictions.labels[static_cast<std::size_t>(i)];
    slope.first += mean - static_cast<double>(logits[static_cast<std::size_t>(label)]);
    slope.second += square - mean * mean;
  }
  return slope;
}

// E_x Var_{Y ~ softmax(beta f)} [second - first].
double expected_variance(const GapLogits& logits, double beta) {
  double sum = 0;
  for (std::int64_t i = 0; i < logits.soup.rows(); ++i) {
    const std::span<const float> soup = logits.soup.row(i), first = logits.first.row(i),
                                 second = logits.second.row(i);
    const double norm = log_sum_exp(soup, beta);
    double mean = 0, square = 0;
    for (std::size_t c = 0; c < soup.size(); ++c) {
      const double p = std::exp(beta * static_cast<double>(soup[c]) - norm);
      const double change = static_cast<double>(second[c]) - static_cast<double>(first[c]);
      mean += p * change;
      square += p * change * change;
    }
    sum += square - mean * mean;
  }
  return sum / static_cast<double>(logits.soup.rows());
}

// Of the rows' differences.
double standard_error(const Predictions& a, const Predictions& b, double beta) {
  const std::int64_t n = a.rows();
  double mean = 0, squares = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t label = a.labels[static_cast<std::size_t>(i)];
    const double change = row_loss_at(a.row(i), label, beta) - row_loss_at(b.row(i), label, beta);
    const double before = mean;
    mean += (change - mean) / static_cast<double>(i + 1);
    squares += (change - before) * (change - mean);
  }
  return n < 2 ? 0 : std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n));
}

void require_same_rows(const Predictions& a, const Predictions& b) {
  if (!same_rows(a, b) || a.classes != b.classes)
    throw UsageError("the predictions are not of the same rows and classes");
}

}  // namespace

double kink_weight(double alpha, double t) { return std::min((1 - alpha) * t, alpha * (1 - t)); }

double curvature_integral(const std::function<double(double)>& second_derivative, double alpha,
                          int intervals) {
  if (intervals < 2 || intervals % 2 != 0)
    throw UsageError("Simpson's rule needs an even number of intervals");
  double integral = 0;
  for (const auto& [from, to] : {std::pair{0.0, alpha}, std::pair{alpha, 1.0}}) {
    const double step = (to - from) / intervals;
    std::vector<double> values;
    for (int i = 0; i <= intervals; ++i) {
      const double t = i == intervals ? to : from + step * i;
      values.push_back(kink_weight(alpha, t) * second_derivative(t));
    }
    integral += simpson(values, step);
  }
  return -integral;
}

double sampled_integral(std::span<const double> values, std::size_t kink) {
  check_samples(values.size(), kink);
  const auto intervals = static_cast<double>(values.size() - 1);
  const double step = 1 / intervals, alpha = static_cast<double>(kink) / intervals;
  std::vector<double> weighted(values.size());  // 0 at the ends, where the weight is
  for (std::size_t i = 1; i + 1 < values.size(); ++i)
    weighted[i] =
        kink_weight(alpha, static_cast<double>(i) / intervals) * second_difference(values, i, step);
  const std::span all(weighted);
  return -(simpson(all.first(kink + 1), step) + simpson(all.subspan(kink), step));
}

IdentityCheck check_identity(std::span<const Predictions> path, std::size_t kink) {
  check_samples(path.size(), kink);
  for (const Predictions& point : path) require_same_rows(path.front(), point);
  const double alpha = static_cast<double>(kink) / static_cast<double>(path.size() - 1);
  double direct = 0, integral = 0, residual = 0;
  std::vector<double> values(path.size());
  const std::size_t count = path.front().logits.size();
  for (std::size_t place = 0; place < count; ++place) {
    for (std::size_t t = 0; t < path.size(); ++t)
      values[t] = static_cast<double>(path[t].logits[place]);
    const double left = values[kink] - ((1 - alpha) * values.front() + alpha * values.back());
    const double right = sampled_integral(values, kink);
    direct += left * left;
    integral += right * right;
    residual += (left - right) * (left - right);
  }
  const auto mean = [&](double sum) { return std::sqrt(sum / static_cast<double>(count)); };
  return {mean(direct), mean(integral), mean(residual)};
}

double loss_at(const Predictions& predictions, double beta) {
  double sum = 0;
  for (std::int64_t i = 0; i < predictions.rows(); ++i)
    sum += row_loss_at(predictions.row(i), predictions.labels[static_cast<std::size_t>(i)], beta);
  return sum / static_cast<double>(predictions.rows());
}

double best_beta(const Predictions& predictions) {
  // The loss is convex in beta: Newton's steps, kept inside the bracket that the slopes give.
  double low = 0.01, high = 100, beta = 1;
  if (slope_at(predictions, low).first >= 0) return low;
  if (slope_at(predictions, high).first <= 0) return high;
  for (int i = 0; i < 200 && high - low > 1e-6 * beta; ++i) {
    const Slope slope = slope_at(predictions, beta);
    (slope.first < 0 ? low : high) = beta;
    const double newton = beta - slope.first / slope.second;
    const double next = newton > low && newton < high ? newton : std::sqrt(low * high);
    if (std::abs(next - beta) < 1e-9 * beta) return next;
    beta = next;
  }
  return beta;
}

Predictions mixed_logits(const Predictions& first, const Predictions& second, double alpha) {
  require_same_rows(first, second);
  Predictions mixed = first;
  mixed.model.clear();
  for (std::size_t i = 0; i < mixed.logits.size(); ++i)
    mixed.logits[i] = static_cast<float>((1 - alpha) * static_cast<double>(first.logits[i]) +
                                         alpha * static_cast<double>(second.logits[i]));
  return mixed;
}

SoupGap soup_gap(const GapLogits& logits, double alpha, double step, double beta) {
  if (!(step > 0 && alpha - step >= 0 && alpha + step <= 1))
    throw UsageError("alpha and the step around it must stay between 0 and 1");
  for (const Predictions* other : {&logits.second, &logits.before, &logits.soup, &logits.after})
    require_same_rows(logits.first, *other);
  const Predictions ensemble = mixed_logits(logits.first, logits.second, alpha);
  SoupGap gap;
  gap.soup_loss = loss_at(logits.soup, beta);
  gap.ensemble_loss = loss_at(ensemble, beta);
  const double bend =
      (loss_at(logits.before, beta) - 2 * gap.soup_loss + loss_at(logits.after, beta)) /
      (step * step);
  const double factor = alpha * (1 - alpha) / 2;
  gap.curvature = -factor * bend;
  gap.variance = factor * beta * beta * expected_variance(logits, beta);
  gap.standard_error = standard_error(logits.soup, ensemble, beta);
  gap.first = accuracy(logits.first);
  gap.second = accuracy(logits.second);
  gap.soup = accuracy(logits.soup);
  gap.ensemble = accuracy(ensemble);
  return gap;
}

GapAgreement GapStudy::agreement(std::size_t set) const {
  GapAgreement sums;
  std::vector<double> predicted, measured;
  for (const PairGap& pair : pairs) {
    const SoupGap& gap = pair.sets[set];
    if (!std::isfinite(gap.predicted()) || !std::isfinite(gap.measured())) continue;
    predicted.push_back(gap.predicted());
    measured.push_back(gap.measured());
    ++sums.pairs;
    sums.right += gap.right();
    sums.clear += gap.clear();
    sums.right_clear += gap.clear() && gap.right();
    sums.soup_better += gap.measured() <= 0;
  }
  sums.rank = spearman(predicted, measured);
  sums.pearson = pearson(predicted, measured);
  return sums;
}

}  // namespace stockpot::landscape
