// The loops under the linear probe, on plain arrays: they give the same bits on any processor, but
// for the exponentials of float64, which are the C library's.
#pragma once

#include <cstdint>

namespace stockpot {

// What a batch of samples adds to a classifier's loss.
struct LossSums {
  double loss = 0;    // sum of the cross entropies
  double spread = 0;  // sum of 1 - ||p||^2, the trace of a sample's Hessian
  // Samples whose label has the largest score, the first among equals; -1 = not counted.
  std::int64_t correct = 0;
};

inline constexpr std::int64_t kMostSamples = 240;  // of one call

// scores: classes x samples, rows `row` numbers apart; labels: each in 0..classes-1. Replaces the
// scores by the residuals p - (one-hot label) and adds their sums over the samples to
// residual_sums (one a class). Cross entropies and residuals keep their relative precision when
// p is within 1e-8 of 1: near-separable data is made of such samples.
LossSums softmax_residuals(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           float* scores, std::int64_t row, double* residual_sums);
LossSums softmax_residuals(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           double* scores, std::int64_t row, double* residual_sums);

// How many labels have the largest score, the first among equals. Labels may be -1: never.
std::int64_t count_correct(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           const float* scores, std::int64_t row);
std::int64_t count_correct(std::int64_t classes, std::int64_t samples, const std::int32_t* labels,
                           const double* scores, std::int64_t row);

// Sums in an order that depends on n alone; in float64, but for float32 numbers, which are
// added up in float32 for 4096 terms at a time, in 64 sums.
double dot(std::int64_t n, const float* x, const float* y);
double dot(std::int64_t n, const double* x, const float* y);
double dot(std::int64_t n, const double* x, const double* y);
// (a x + b y)' z.
double dot(std::int64_t n, double a, const float* x, double b, const float* y, const float* z);

// y += a x.
void add_scaled(std::int64_t n, double a, const float* x, float* y);
void add_scaled(std::int64_t n, double a, const double* x, double* y);
// z += a x + b y.
void add_scaled(std::int64_t n, double a, const float* x, double b, const float* y, float* z);

// x[i] += a.
void add_number(std::int64_t n, float a, float* x);
void add_number(std::int64_t n, double a, double* x);
// total[i] += x[i].
void add_row(std::int64_t n, const float* x, double* total);
void add_row(std::int64_t n, const double* x, double* total);

// out[i] = (x[i] - mean[i]) * scale[i], computed in float64 and rounded once.
void normalise_row(std::int64_t n, const float* x, const double* mean, const double* scale,
                   float* out);
void normalise_row(std::int64_t n, const float* x, const double* mean, const double* scale,
                   double* out);
void normalise_row(std::int64_t n, const double* x, const double* mean, const double* scale,
                   double* out);

}  // namespace stockpot
