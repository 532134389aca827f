// Linear probing: L2-regularised multinomial logistic regression on cached features, over a
// path of penalties, chosen on held-out data (specification of LP-FT, section 5).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stockpot/metrics/accuracy.h"

namespace stockpot {

struct ProbeOptions {
  // Increasing C of 1/2 ||W||^2 + C * sum_i CE_i (the intercept is not penalised).
  std::vector<double> c;
  int max_iterations = 1000;
  double tolerance = 1e-7;  // estimated relative distance of the objective from its minimum
};

// count values from 10^low to 10^high, as numpy.logspace. The paper's grid: -7, 2, 100.
std::vector<double> logspace(double low, double high, int count);

struct ProbePoint {
  double c = 0;
  double objective = 0;
  int iterations = 0;
  bool converged = false;
  Accuracy train, held_out;
};

struct ProbeResult {
  std::size_t chosen = 0;  // into path: best held-out count, ties to the stronger penalty
  bool at_grid_edge = false;
  std::vector<ProbePoint> path;
  at::Tensor weight, bias;  // float32, classes x d and classes: for raw features
};

// Features are normalised by ONE global mean and standard deviation of the training matrix,
// and the normalisation is folded back into weight and bias. Computed in float64.
// features: n x d float32; labels: n int64. Deterministic.
ProbeResult fit_probe(const at::Tensor& train_features, const at::Tensor& train_labels,
                      const at::Tensor& held_out_features, const at::Tensor& held_out_labels,
                      std::int64_t classes, const ProbeOptions& options,
                      const std::function<void(const ProbePoint&)>& on_point = {});

}  // namespace stockpot
