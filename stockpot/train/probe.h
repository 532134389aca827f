// Linear probing: L2-regularised multinomial logistic regression on cached features, over a
// path of penalties, chosen on held-out data (specification of LP-FT, section 5).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/train/probe_heads.h"

namespace stockpot {

// What the features are divided by; it sets the scale of the penalty.
enum class ProbeScaling {
  global,       // ONE mean and ONE standard deviation of the whole training matrix: the reference
  per_feature,  // each column by its own; a column of one value becomes 0
};

struct ProbeOptions {
  // Increasing C of 1/2 ||W||^2 + C * sum_i CE_i (the intercept is not penalised).
  std::vector<double> c;
  int max_iterations = 1000;
  // Estimated relative distance of the objective from its minimum (softmax_regression.h says
  // how it is bounded). Below 1e-7 the last steps are made in float64. Small problems are solved to
  // 5e-10 if that is less.
  double tolerance = 5e-7;
  ProbeScaling scaling = ProbeScaling::global;
  // Also keeps the classifiers of the whole path: test sets choose nothing, so they are scored
  // on these afterwards (probe_heads.h).
  bool keep_all = false;
};

struct ProbePoint {
  double c = 0;
  double objective = 0;  // rounded in float32 products: to 4e-7 with 300 rows, 1e-8 with 50,000
  int iterations = 0;
  bool converged = false;
  Accuracy train, held_out;
  double gap = 0;  // estimate of objective - minimum, relative
};

struct ProbeResult {
  std::size_t chosen = 0;  // into path: best held-out count, ties to the stronger penalty
  bool at_grid_edge = false;
  std::vector<ProbePoint> path;
  at::Tensor weight, bias;  // float32, classes x d and classes, on the CPU: for raw features
  ProbeHeads heads;         // with keep_all, in the order of the path
  // Each costs 4 n d classes floating-point operations; the least is one a penalty.
  std::int64_t evaluations = 0;
  // Sentences for the reader of the report: the choice lies at the edge of the grid, classes
  // are absent from a set, columns are constant, penalties did not converge.
  std::vector<std::string> warnings;
};

// count values from 10^low to 10^high, as numpy.logspace. The paper's grid: -7, 2, 100.
std::vector<double> logspace(double low, double high, int count);

// Features are normalised by the statistics of the training set, and the normalisation is
// folded back into weight and bias. features: n x d float32, on the CPU or on one CUDA device,
// where the work is then done; labels: n int64 in 0..classes-1. A class without training rows
// gets zero weights. on_point hears of every penalty once, in no order.
//
// Same bits for any number of threads on the CPU; on CUDA and in float64 the same result within
// the tolerance. Throws UsageError: sets of other shapes, labels out of range, training rows of
// one class only, penalties that are not positive and increasing (naming them); RunError: a
// feature that is not finite, with its row and column; Interrupted.
ProbeResult fit_probe(const at::Tensor& train_features, const at::Tensor& train_labels,
                      const at::Tensor& held_out_features, const at::Tensor& held_out_labels,
                      std::int64_t classes, const ProbeOptions& options,
                      const std::function<void(const ProbePoint&)>& on_point = {});

}  // namespace stockpot
