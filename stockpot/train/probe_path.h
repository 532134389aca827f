// Softmax regression for a whole path of penalties.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "stockpot/train/feature_rows.h"

namespace stockpot {

struct PathOptions {
  std::vector<double> c;  // positive, increasing
  double ridge = 1;       // of ridge / 2 ||weights||^2 + c * (sum of the cross entropies)
  double tolerance = 5e-7;
  int max_iterations = 1000;
};

struct PathSolution {
  std::size_t index = 0;  // into c
  double objective = 0;
  double gap = 0;  // estimate of objective - minimum
  int iterations = 0;
  bool converged = false;
  std::int64_t correct = 0;  // rows
  // Sums to zero over the classes, for each feature and for the intercepts.
  const Coefficients* coefficients = nullptr;
};

// Called once for every penalty, a few at a time, in no order. What it is given lives until it
// returns.
using OnSolved = std::function<void(std::span<const PathSolution>)>;

// Nodes, neighbours by a factor of at most 2.4, are solved one after the other: each starts
// from the polynomial through the last ones, in log c, with what these learned about the
// Hessian. Where a pass for two costs little more than one for a single penalty, they are solved
// from both ends at once. The penalties between them start from the polynomial through the six
// nodes around them, side by side in one product; most are within the tolerance at once, by the
// estimate that every penalty has to pass (softmax_regression.h).
//
// `exact` makes the same rows in float64: for tolerances below 1e-7, and for penalties that
// rounding kept from converging in float32. class_shares: of the rows, for each class. Returns
// the number of evaluations of a classifier. Throws Interrupted.
std::int64_t solve_path(FeatureRows& rows,
                        const std::function<std::unique_ptr<FeatureRows>()>& exact,
                        const std::vector<double>& class_shares, const PathOptions& options,
                        const OnSolved& on_solved);

}  // namespace stockpot
