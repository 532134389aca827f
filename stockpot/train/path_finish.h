// What becomes of a penalty's descent when it is over: the last steps in float64 where they are
// wanted or needed, and its solution as callers see it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "stockpot/train/probe_path.h"
#include "stockpot/train/softmax_regression.h"

namespace stockpot {

class PathFinish {
 public:
  // problem: as for the descents in float32. rows, options and functions must outlive this.
  PathFinish(FeatureRows& rows, const std::function<std::unique_ptr<FeatureRows>()>& exact,
             const SoftmaxProblem& problem, const PathOptions& options, const OnSolved& on_solved);

  // Tells of these descents, each finished, of the penalties with these indices.
  void publish(std::span<const std::size_t> indices, std::vector<Descent>& descents);
  // Evaluations in float64.
  std::int64_t evaluations() const { return evaluations_; }

 private:
  void refine(std::vector<Descent>& descents);
  std::vector<std::int64_t> count_correct(const std::vector<Descent>& descents) const;
  void centre(Coefficients& x) const;

  FeatureRows& rows_;
  const std::function<std::unique_ptr<FeatureRows>()>& exact_;
  const double wanted_tolerance_, given_tolerance_;
  SoftmaxProblem problem_;  // in float64
  const OnSolved& on_solved_;
  std::unique_ptr<FeatureRows> exact_rows_;
  std::int64_t evaluations_ = 0;
};

}  // namespace stockpot
