// The oracle tables: the reference's own matrices, its descent, and SciPy's flows.
#include <gtest/gtest.h>

#include <map>

#include "reference.h"
#include "stockpot/theory/descent.h"
#include "stockpot/theory/flow.h"
#include "stockpot/theory/geometry.h"
#include "stockpot/theory/study.h"

namespace stockpot::theory {
namespace {

// Where `found` should be `wanted` to a relative 1 %; what is rounding there must be so here.
void expect_within_one_percent(double found, double wanted, const std::string& what) {
  if (wanted < 1e-20)
    EXPECT_LT(found, 1e-20) << what;
  else
    EXPECT_NEAR(found, wanted, 0.01 * wanted) << what;
}

struct Means {
  double lp = 0, ft = 0, lpft = 0, id_lp = 0, id_ft = 0;
  double lowest_bound = INFINITY, highest_bound = -INFINITY;
};

TEST(Oracle, GeometryEqualsTheReferenceTo1em12) {
  const Json reference = expected();
  for (const Json& row : reference.find("descents")->items()) {
    const ProblemGeometry found = measure(
        reference_problem(static_cast<int>(row.find("seed")->as_integer()), number(row, "e")));
    EXPECT_NEAR(found.eps, number(row, "eps"), 1e-12);
    EXPECT_NEAR(found.cos_off_span, number(row, "cos"), 1e-12);
    EXPECT_NEAR(found.phi_squared, number(row, "phi2"), 1e-12);
    EXPECT_NEAR(found.bound, number(row, "bound"), 1e-12);
  }
}

TEST(Oracle, DescentEqualsTheReferenceInEveryRow) {
  const Json reference = expected();
  std::map<double, Means> means;
  for (const Json& row : reference.find("descents")->items()) {
    const double e = number(row, "e");
    const Problem problem = reference_problem(static_cast<int>(row.find("seed")->as_integer()), e);
    const SpanProblem reduced = in_span(problem);
    const VectorXd probe = probe_head(reduced);
    const Losses lp = losses(reduced, start_from(reduced, probe));
    expect_within_one_percent(lp.ood, number(row, "lp", 0), "OOD LP");
    expect_within_one_percent(lp.id, number(row, "lp", 1), "ID LP");

    const DescentResult ft = gradient_descent(problem, problem.head);
    EXPECT_TRUE(ft.converged);
    expect_within_one_percent(ft.losses.ood, number(row, "ft", 0), "OOD FT");
    expect_within_one_percent(ft.lowest_ood, number(row, "ft", 2), "lowest OOD FT");
    EXPECT_LT(ft.losses.id, 1e-20);
    EXPECT_EQ(ft.steps, number(row, "ft", 3));

    const DescentResult lpft = gradient_descent(problem, probe);
    expect_within_one_percent(lpft.losses.ood, number(row, "lpft", 0), "OOD LP-FT");

    const double bound = measure(problem).bound;
    EXPECT_GE(std::sqrt(ft.lowest_ood), bound) << "Theorem 3.1";
    if (e > 0) {
      EXPECT_LT(lpft.losses.ood, lp.ood);
      EXPECT_LT(lp.ood, ft.losses.ood);
    }
    Means& mean = means[e];
    mean.lp += lp.ood / kSeeds, mean.ft += ft.losses.ood / kSeeds;
    mean.lpft += lpft.losses.ood / kSeeds, mean.id_lp += lp.id / kSeeds;
    mean.lowest_bound = std::min(mean.lowest_bound, bound);
    mean.highest_bound = std::max(mean.highest_bound, bound);
  }

  // The published table of the specification.
  struct Row {
    double e, lp, ft, lpft, id_lp, lowest_bound, highest_bound;
  };
  constexpr Row kTable[] = {{0.01, 1.2202e-4, 3.609, 7.049e-5, 4.898e-5, .0358, .1357},
                            {0.05, 3.0715e-3, 3.602, 1.7783e-3, 1.228e-3, -.0038, .0955},
                            {0.1, 1.2377e-2, 3.590, 7.1785e-3, 4.936e-3, -.0534, .0450},
                            {0.2, 4.9916e-2, 3.555, 2.8920e-2, 1.998e-2, -.1533, -.0574},
                            {0.4, .19253, 3.446, .10832, 8.175e-2, -.3593, -.2712},
                            {0.7, .54023, 3.176, .29326, .2488, -.7053, -.6278}};
  std::vector<double> levels, errors;
  for (const Row& row : kTable) {
    const Means& mean = means.at(row.e);
    expect_within_one_percent(mean.lp, row.lp, "mean OOD LP");
    expect_within_one_percent(mean.ft, row.ft, "mean OOD FT");
    expect_within_one_percent(mean.lpft, row.lpft, "mean OOD LP-FT");
    expect_within_one_percent(mean.id_lp, row.id_lp, "mean ID LP");
    EXPECT_NEAR(mean.lowest_bound, row.lowest_bound, 6e-5);
    EXPECT_NEAR(mean.highest_bound, row.highest_bound, 6e-5);
    if (row.e <= 0.1) levels.push_back(row.e), errors.push_back(mean.lp);
  }
  EXPECT_NEAR(log_slope(levels, errors), 2.0, 0.01) << "the probe's error grows as eps squared";
  expect_within_one_percent(means.at(0).ft, 2.618, "mean OOD FT at e = 0");
  EXPECT_LT(means.at(0).lp, 1e-20);
  EXPECT_LT(means.at(0).lpft, 1e-20);
}

TEST(Oracle, MatricesAsDrawnGiveTheSameNumbersAsRotatedOnes) {
  Numbers numbers("literal.f64");
  Problem problem;
  problem.true_features = numbers.matrix(kK, kD);
  problem.features = numbers.matrix(kK, kD);
  problem.true_head = numbers.vector(kK);
  problem.head = numbers.vector(kK);
  problem.inputs = numbers.matrix(kN, kD);
  ASSERT_TRUE(numbers.at_end());
  const ProblemGeometry geometry = measure(problem);
  EXPECT_NEAR(geometry.cos_off_span, .613434, 1e-6);
  EXPECT_NEAR(geometry.phi_squared, 3.583450, 1e-6);
  EXPECT_NEAR(geometry.bound, .045028, 1e-6);
  const DescentResult ft = gradient_descent(problem, problem.head);
  EXPECT_NEAR(ft.losses.ood, 7.510785, 1e-6);
  EXPECT_NEAR(ft.lowest_ood, 7.510712, 1e-6);
  const SpanProblem reduced = in_span(problem);
  const Losses lp = losses(reduced, start_from(reduced, probe_head(reduced)));
  EXPECT_NEAR(lp.ood, 1.055332e-2, 1e-8);
  EXPECT_NEAR(lp.id, 4.784730e-3, 1e-9);
}

TEST(Oracle, FlowEqualsRadauAndLsodaOfSciPyAlongTime) {
  const Json reference = expected();
  std::vector<double> times;
  for (const Json& time : reference.find("times")->items()) times.push_back(time.as_number());
  for (const Json& row : reference.find("flows")->items()) {
    const Problem problem =
        reference_problem(static_cast<int>(row.find("seed")->as_integer()), number(row, "e"));
    const SpanProblem reduced = in_span(problem);
    const FlowResult flow = gradient_flow(reduced, start_from(reduced, problem.head), times);
    ASSERT_EQ(flow.path.size(), times.size());
    EXPECT_EQ(flow.how, FlowEnd::converged);
    for (std::size_t i = 0; i < times.size(); ++i) {
      EXPECT_EQ(flow.path[i].time, times[i]);
      EXPECT_NEAR(flow.path[i].losses.ood, number(row, "ood", i), 1e-8)
          << row.find("method")->as_string() << " at t = " << times[i];
    }
  }
}

}  // namespace
}  // namespace stockpot::theory
