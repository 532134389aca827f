#include "stockpot/train/path_finish.h"

#include <algorithm>

namespace stockpot {
PathFinish::PathFinish(FeatureRows& rows,
                       const std::function<std::unique_ptr<FeatureRows>()>& exact,
                       const SoftmaxProblem& problem, const PathOptions& options,
                       const OnSolved& on_solved)
    : rows_(rows),
      exact_(exact),
      wanted_tolerance_(options.tolerance),
      given_tolerance_(problem.tolerance),
      problem_(problem),
      on_solved_(on_solved) {
  problem_.tolerance = options.tolerance;
}

void PathFinish::publish(std::span<const std::size_t> indices, std::vector<Descent>& descents) {
  std::vector<int> iterations;
  for (const Descent& descent : descents) iterations.push_back(descent.iterations());
  refine(descents);
  const std::vector<std::int64_t> correct = count_correct(descents);
  std::vector<Coefficients> centred;
  for (const Descent& descent : descents) centred.push_back(descent.coefficients());
  std::vector<PathSolution> solutions;
  for (std::size_t i = 0; i < descents.size(); ++i) {
    const Descent& descent = descents[i];
    centre(centred[i]);
    solutions.push_back({indices[i], descent.objective(), descent.gap(), iterations[i],
                         descent.converged(), correct[i], &centred[i]});
  }
  on_solved_(solutions);
}

void PathFinish::refine(std::vector<Descent>& descents) {
  std::vector<Descent> finer;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < descents.size(); ++i) {
    const bool stuck =
        !descents[i].converged() && descents[i].iterations() < problem_.max_iterations;
    if (!stuck && wanted_tolerance_ >= given_tolerance_) continue;
    places.push_back(i);
    finer.emplace_back(problem_, descents[i].c(), descents[i].coefficients(),
                       descents[i].history());
  }
  if (finer.empty()) return;
  if (!exact_rows_) exact_rows_ = exact_();
  evaluations_ += minimise(*exact_rows_, finer);
  for (std::size_t i = 0; i < places.size(); ++i) descents[places[i]] = std::move(finer[i]);
}

// By the float32 features, where the last evaluation did not count.
std::vector<std::int64_t> PathFinish::count_correct(const std::vector<Descent>& descents) const {
  std::vector<std::int64_t> correct;
  std::vector<const Coefficients*> classifiers;
  for (const Descent& descent : descents) {
    correct.push_back(descent.correct());
    classifiers.push_back(&descent.coefficients());
  }
  if (std::find(correct.begin(), correct.end(), -1) == correct.end()) return correct;
  return rows_.count_correct(classifiers);
}

// The same number for every class changes no probability: the sums over the classes become 0, as
// they are at the optimum.
void PathFinish::centre(Coefficients& x) const {
  const std::int64_t classes = rows_.classes(), features = rows_.features();
  const auto centre_column = [&](std::int64_t first, std::int64_t stride) {
    double sum = 0;
    for (std::int64_t j = 0; j < classes; ++j)
      sum += x[static_cast<std::size_t>(first + j * stride)];
    for (std::int64_t j = 0; j < classes; ++j)
      x[static_cast<std::size_t>(first + j * stride)] -= sum / static_cast<double>(classes);
  };
  for (std::int64_t i = 0; i < features; ++i) centre_column(i, features);
  centre_column(classes * features, 1);
}

}  // namespace stockpot
