#include "stockpot/train/probe_kernels.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/lanes.h"
#include "stockpot/kernels/math.h"

namespace stockpot {
namespace {

// Samples that are worked on at once: their numbers stay in the first-level cache.
constexpr std::int64_t kStrip = 48;

template <typename Number>
struct Strip {
  Number largest[kStrip], label_score[kStrip], label_exp[kStrip], others[kStrip], squares[kStrip];
  std::int32_t beaten[kStrip];
};

STOCKPOT_INLINE float exponential(float x) { return fast_exp(x); }
STOCKPOT_INLINE double exponential(double x) { return std::exp(x); }

STOCKPOT_INLINE double sum_of(std::int64_t n, const float* x) {
  return static_cast<double>(row_sum(n, x));
}
STOCKPOT_INLINE double sum_of(std::int64_t n, const double* x) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

// The largest score and the label's score of each sample.
template <typename Number>
STOCKPOT_INLINE void scan_scores(std::int64_t classes, std::int64_t n, const std::int32_t* labels,
                                 const Number* scores, std::int64_t row, Strip<Number>& strip) {
  for (std::int64_t i = 0; i < n; ++i) {
    strip.largest[i] = scores[i];
    strip.label_score[i] = scores[i];
  }
  for (std::int64_t j = 1; j < classes; ++j) {
    const Number* z = scores + j * row;
    STOCKPOT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      strip.largest[i] = z[i] > strip.largest[i] ? z[i] : strip.largest[i];
      strip.label_score[i] = labels[i] == j ? z[i] : strip.label_score[i];
    }
  }
}

// Replaces the scores by e^(score - largest); sums over the classes other than the label.
template <typename Number>
STOCKPOT_INLINE void exponentiate(std::int64_t classes, std::int64_t n, const std::int32_t* labels,
                                  Number* scores, std::int64_t row, Strip<Number>& strip) {
  for (std::int64_t i = 0; i < n; ++i) {
    strip.label_exp[i] = exponential(strip.label_score[i] - strip.largest[i]);
    strip.others[i] = strip.squares[i] = 0;
    strip.beaten[i] = 0;
  }
  for (std::int64_t j = 0; j < classes; ++j) {
    Number* z = scores + j * row;
    STOCKPOT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const Number score = z[i];
      const Number e = exponential(score - strip.largest[i]);
      const Number other = labels[i] == j ? Number{0} : e;
      strip.others[i] += other;
      strip.squares[i] += other * other;
      const Number label_score = strip.label_score[i];
      strip.beaten[i] |= static_cast<std::int32_t>(score > label_score) |
                         (static_cast<std::int32_t>(score == label_score) &
                          static_cast<std::int32_t>(j < labels[i]));
      z[i] = e;
    }
  }
}

template <typename Number>
STOCKPOT_INLINE LossSums residuals_of(std::int64_t classes, std::int64_t samples,
                                      const std::int32_t* labels, Number* scores, std::int64_t row,
                                      double* residual_sums) {
  LossSums sums;
  // The logarithm of a product: of at most kMostSamples / kStrip factors of 1..classes.
  double product[kStrip], margin = 0;
  std::fill_n(product, kStrip, 1.0);
  for (std::int64_t begin = 0; begin < samples; begin += kStrip) {
    const std::int64_t n = std::min(kStrip, samples - begin);
    const std::int32_t* label = labels + begin;
    Number* z = scores + begin;
    Strip<Number> strip;
    scan_scores(classes, n, label, z, row, strip);
    exponentiate(classes, n, label, z, row, strip);
    Number inverse[kStrip], miss[kStrip];
    for (std::int64_t i = 0; i < n; ++i) {
      product[i] *= static_cast<double>(strip.label_exp[i]) + static_cast<double>(strip.others[i]);
      inverse[i] = 1 / (strip.label_exp[i] + strip.others[i]);
      miss[i] = strip.others[i] * inverse[i];  // 1 - p of the label, without cancellation
    }
    for (std::int64_t i = 0; i < n; ++i) {
      margin += static_cast<double>(strip.label_score[i]) - static_cast<double>(strip.largest[i]);
      sums.spread +=
          static_cast<double>(miss[i] * (2 - miss[i]) - strip.squares[i] * inverse[i] * inverse[i]);
      sums.correct += 1 - strip.beaten[i];
    }
    for (std::int64_t j = 0; j < classes; ++j) {
      Number* residual = z + j * row;
      STOCKPOT_INDEPENDENT
      for (std::int64_t i = 0; i < n; ++i)
        residual[i] = label[i] == j ? -miss[i] : residual[i] * inverse[i];
    }
  }
  for (std::int64_t j = 0; j < classes; ++j) residual_sums[j] += sum_of(samples, scores + j * row);
  for (std::int64_t i = 0; i < std::min(kStrip, samples); ++i) sums.loss += std::log(product[i]);
  sums.loss -= margin;
  return sums;
}

template <typename Number>
STOCKPOT_INLINE std::int64_t correct_of(std::int64_t classes, std::int64_t samples,
                                        const std::int32_t* labels, const Number* scores,
                                        std::int64_t row) {
  std::int64_t correct = 0;
  for (std::int64_t begin = 0; begin < samples; begin += kStrip) {
    const std::int64_t n = std::min(kStrip, samples - begin);
    Number largest[kStrip];
    std::int32_t best[kStrip];
    for (std::int64_t i = 0; i < n; ++i) {
      largest[i] = scores[begin + i];
      best[i] = 0;
    }
    for (std::int64_t j = 1; j < classes; ++j) {
      const Number* z = scores + j * row + begin;
      STOCKPOT_INDEPENDENT
      for (std::int64_t i = 0; i < n; ++i) {
        best[i] = z[i] > largest[i] ? static_cast<std::int32_t>(j) : best[i];
        largest[i] = z[i] > largest[i] ? z[i] : largest[i];
      }
    }
    for (std::int64_t i = 0; i < n; ++i) correct += best[i] == labels[begin + i] ? 1 : 0;
  }
  return correct;
}

}  // namespace

STOCKPOT_PER_ISA
LossSums softmax_residuals(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           float* scores, std::int64_t row, double* residual_sums) {
  return residuals_of(classes, samples, labels, scores, row, residual_sums);
}
STOCKPOT_PER_ISA
LossSums softmax_residuals(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           double* scores, std::int64_t row, double* residual_sums) {
  return residuals_of(classes, samples, labels, scores, row, residual_sums);
}

STOCKPOT_PER_ISA
std::int64_t count_correct(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           const float* scores, std::int64_t row) {
  return correct_of(classes, samples, labels, scores, row);
}
STOCKPOT_PER_ISA
std::int64_t count_correct(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           const double* scores, std::int64_t row) {
  return correct_of(classes, samples, labels, scores, row);
}

namespace {

// Sums side by side, so that the compiler may use vectors, and several that need not wait for
// one another.
constexpr std::int64_t kSums = 64;

template <typename X, typename Y>
STOCKPOT_INLINE double lane_dot(std::int64_t n, const X* x, const Y* y) {
  double sum[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (std::int64_t l = 0; l < kSums; ++l)
      sum[l] += static_cast<double>(x[i + l]) * static_cast<double>(y[i + l]);
  for (std::int64_t l = 0; i < n; ++i, ++l)
    sum[l] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  double total = 0;
  for (const double s : sum) total += s;
  return total;
}

// The sum of term(i) over 0..n-1.
template <typename Term>
STOCKPOT_INLINE double blocked_sum(std::int64_t n, const Term& term) {
  constexpr std::int64_t block = 4096;
  double total = 0;
  for (std::int64_t begin = 0; begin < n; begin += block) {
    const std::int64_t end = std::min(n, begin + block);
    float sum[kSums] = {};
    std::int64_t i = begin;
    for (; i + kSums <= end; i += kSums)
      for (std::int64_t l = 0; l < kSums; ++l) sum[l] += term(i + l);
    for (std::int64_t l = 0; i < end; ++i, ++l) sum[l] += term(i);
    for (const float s : sum) total += static_cast<double>(s);
  }
  return total;
}

}  // namespace

STOCKPOT_PER_ISA
double dot(std::int64_t n, const float* x, const float* y) {
  return blocked_sum(
      n, [=](std::int64_t i) __attribute__((always_inline)) { return x[i] * y[i]; });
}
STOCKPOT_PER_ISA
double dot(std::int64_t n, const double* x, const float* y) { return lane_dot(n, x, y); }
STOCKPOT_PER_ISA
double dot(std::int64_t n, const double* x, const double* y) { return lane_dot(n, x, y); }
STOCKPOT_PER_ISA
double dot(std::int64_t n, double a, const float* x, double b, const float* y, const float* z) {
  const auto p = static_cast<float>(a), q = static_cast<float>(b);
  return blocked_sum(
      n, [=](std::int64_t i)
             __attribute__((always_inline)) { return (p * x[i] + q * y[i]) * z[i]; });
}

STOCKPOT_PER_ISA
void add_scaled(std::int64_t n, double a, const float* x, float* y) {
  const auto factor = static_cast<float>(a);
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

STOCKPOT_PER_ISA
void add_scaled(std::int64_t n, double a, const double* x, double* y) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

STOCKPOT_PER_ISA
void add_scaled(std::int64_t n, double a, const float* x, double b, const float* y, float* z) {
  const auto p = static_cast<float>(a), q = static_cast<float>(b);
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) z[i] += p * x[i] + q * y[i];
}

namespace {

template <typename Number>
STOCKPOT_INLINE void number_to_each(std::int64_t n, Number a, Number* x) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) x[i] += a;
}

template <typename Number>
STOCKPOT_INLINE void row_to_total(std::int64_t n, const Number* x, double* total) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i) total[i] += static_cast<double>(x[i]);
}

template <typename In, typename Out>
STOCKPOT_INLINE void normalised(std::int64_t n, const In* x, const double* mean,
                                const double* scale, Out* out) {
  STOCKPOT_INDEPENDENT
  for (std::int64_t i = 0; i < n; ++i)
    out[i] = static_cast<Out>((static_cast<double>(x[i]) - mean[i]) * scale[i]);
}

}  // namespace

STOCKPOT_PER_ISA
void add_number(std::int64_t n, float a, float* x) { number_to_each(n, a, x); }
STOCKPOT_PER_ISA
void add_number(std::int64_t n, double a, double* x) { number_to_each(n, a, x); }

STOCKPOT_PER_ISA
void add_row(std::int64_t n, const float* x, double* total) { row_to_total(n, x, total); }
STOCKPOT_PER_ISA
void add_row(std::int64_t n, const double* x, double* total) { row_to_total(n, x, total); }

STOCKPOT_PER_ISA
void normalise_row(std::int64_t n, const float* x, const double* mean, const double* scale,
                   float* out) {
  normalised(n, x, mean, scale, out);
}
STOCKPOT_PER_ISA
void normalise_row(std::int64_t n, const float* x, const double* mean, const double* scale,
                   double* out) {
  normalised(n, x, mean, scale, out);
}
STOCKPOT_PER_ISA
void normalise_row(std::int64_t n, const double* x, const double* mean, const double* scale,
                   double* out) {
  normalised(n, x, mean, scale, out);
}

}  // namespace stockpot
