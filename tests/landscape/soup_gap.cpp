#include "stockpot/landscape/soup_gap.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"

namespace stockpot::landscape {
namespace {

// A model of two parameters, f(x; u, v) = v tanh(u x), along the line from (u0, v0) to (u1, v1).
struct TwoParameters {
  double u0 = 0.4, v0 = -1.5, u1 = 2.1, v1 = 0.7, x = 1.3;

  double value(double t) const {
    return (v0 + t * (v1 - v0)) * std::tanh((u0 + t * (u1 - u0)) * x);
  }
  // 2 v' s' + v s'' with s = tanh(u x), s' = u' x (1 - s^2), s'' = -2 s (u' x)^2 (1 - s^2).
  double second_derivative(double t) const {
    const double du = (u1 - u0) * x, dv = v1 - v0, v = v0 + t * dv;
    const double s = std::tanh((u0 + t * (u1 - u0)) * x), slope = 1 - s * s;
    return 2 * dv * du * slope - 2 * v * s * du * du * slope;
  }
  double gap(double alpha) const {
    return value(alpha) - ((1 - alpha) * value(0) + alpha * value(1));
  }
};

TEST(SoupGap, TheIntegralIdentityHoldsForAModelOfTwoParameters) {
  const TwoParameters model;
  for (const double alpha : {0.1, 0.3, 0.5, 0.8}) {
    const auto bend = [&](double t) { return model.second_derivative(t); };
    EXPECT_NEAR(curvature_integral(bend, alpha, 400), model.gap(alpha), 1e-10) << alpha;
  }
}

TEST(SoupGap, TheIntegralOfTanhIsTheClosedForm) {
  const auto f = [](double t) { return std::tanh(3 * t - 1); };
  const auto bend = [&](double t) { return -18 * f(t) * (1 - f(t) * f(t)); };
  for (const double alpha : {0.1, 0.3, 0.5, 0.8})
    EXPECT_NEAR(curvature_integral(bend, alpha, 400), f(alpha) - (1 - alpha) * f(0) - alpha * f(1),
                1e-9);
}

TEST(SoupGap, TheWeightIntegratesToHalfOfAlphaTimesTheRest) {
  for (const double alpha : {0.25, 0.5, 0.8})
    EXPECT_NEAR(curvature_integral([](double) { return 1.0; }, alpha, 2), -alpha * (1 - alpha) / 2,
                1e-12);
}

TEST(SoupGap, SamplesOfTheCurveGiveTheSameToTheirPrecision) {
  const TwoParameters model;
  std::vector<double> coarse, fine;
  for (int i = 0; i <= 8; ++i) coarse.push_back(model.value(i / 8.0));
  for (int i = 0; i <= 32; ++i) fine.push_back(model.value(i / 32.0));
  const double exact = model.gap(0.5);
  EXPECT_NEAR(sampled_integral(coarse, 4), exact, 0.02 * std::abs(exact));
  EXPECT_NEAR(sampled_integral(fine, 16), exact, 1e-4 * std::abs(exact));
  EXPECT_NEAR(sampled_integral(fine, 8), model.gap(0.25), 1e-4);
}

TEST(SoupGap, IsExactlyZeroForWhatIsLinearInTheWeights) {
  std::vector<double> line;
  for (int i = 0; i <= 8; ++i) line.push_back(3 - 0.5 * i);
  EXPECT_EQ(sampled_integral(line, 4), 0);
  EXPECT_EQ(curvature_integral([](double) { return 0.0; }, 0.3, 10), 0);
}

TEST(SoupGap, RefusesGridsWithoutAKink) {
  const std::vector<double> values(9);
  EXPECT_THROW(sampled_integral(values, 3), UsageError);
  EXPECT_THROW(sampled_integral(values, 0), UsageError);
  EXPECT_THROW(sampled_integral(std::vector<double>(6), 2), UsageError);
  EXPECT_THROW(curvature_integral([](double) { return 0.0; }, 0.5, 3), UsageError);
}

// Logits of 300 rows and 4 classes along a path; `bend` is how far it is from a line.
Predictions on_path(double t, double bend) {
  RandomStream random(5, Purpose::test);
  Predictions predictions;
  predictions.classes = 4;
  for (int i = 0; i < 300; ++i) {
    predictions.labels.push_back(static_cast<std::int64_t>(random.below(4)));
    for (int c = 0; c < 4; ++c) {
      const double first = 2 * random.normal(), second = 2 * random.normal();
      const double right = c == predictions.labels.back() ? 1 : 0;
      predictions.logits.push_back(static_cast<float>((1 - t) * first + t * second + right +
                                                      4 * bend * t * (1 - t) * right));
    }
  }
  return predictions;
}

SoupGap gap_on_path(double bend, double alpha, double step) {
  const Predictions first = on_path(0, bend), second = on_path(1, bend),
                    before = on_path(alpha - step, bend), soup = on_path(alpha, bend),
                    after = on_path(alpha + step, bend);
  return soup_gap({first, second, before, soup, after}, alpha, step, best_beta(soup));
}

TEST(SoupGap, BothTermsCancelForHeadsOnOneBackbone) {
  const SoupGap gap = gap_on_path(0, 0.5, 0.01);
  EXPECT_NEAR(gap.measured(), 0, 1e-6);
  EXPECT_GT(gap.variance, 0.05);
  EXPECT_NEAR(gap.predicted(), 0, 2e-3 * gap.variance);
  EXPECT_EQ(gap.soup, gap.ensemble);
  EXPECT_FALSE(gap.clear());
}

TEST(SoupGap, PredictsWhichIsBetterWhenTheSoupIsNotFarFromTheEnsemble) {
  for (const double bend : {-0.3, -0.1, 0.1, 0.3}) {
    const SoupGap gap = gap_on_path(bend, 0.5, 0.05);
    EXPECT_TRUE(gap.right()) << bend;
    EXPECT_EQ(gap.advises_soup(), bend > 0);
    EXPECT_NEAR(gap.predicted(), gap.measured(), 0.35 * std::abs(gap.measured())) << bend;
    EXPECT_TRUE(gap.clear());
  }
}

TEST(SoupGap, ChecksTheIdentityOverAllLogits) {
  std::vector<Predictions> path;
  for (int i = 0; i <= 8; ++i) path.push_back(on_path(i / 8.0, 0.3));
  const IdentityCheck check = check_identity(path, 4);
  EXPECT_NEAR(check.difference, 0.3 / 2, 0.02);  // 0.3 for one class of four
  EXPECT_NEAR(check.integral, check.difference, 1e-3 * check.difference);
  EXPECT_LT(check.residual, 1e-4);
}

TEST(BestBeta, IsWhereTheLossIsLeast) {
  const Predictions predictions = on_path(0.3, 0);
  const double beta = best_beta(predictions), loss = loss_at(predictions, beta);
  EXPECT_LT(loss, loss_at(predictions, 1.01 * beta));
  EXPECT_LT(loss, loss_at(predictions, 0.99 * beta));
  EXPECT_NEAR(loss_at(predictions, 1), negative_log_likelihood(predictions), 1e-9);
}

TEST(BestBeta, StopsAtItsEndsWhenAllOrNothingIsRight) {
  Predictions predictions;
  predictions.classes = 2;
  predictions.labels = {0, 1};
  predictions.logits = {1, 0, 0, 1};
  EXPECT_EQ(best_beta(predictions), 100);
  predictions.logits = {0, 1, 1, 0};
  EXPECT_EQ(best_beta(predictions), 0.01);
}

TEST(SoupGap, CountsHowOftenTheAdviceWasRight) {
  GapStudy study;
  study.sets = {"val"};
  for (const auto& [predicted, measured] :
       {std::pair{-0.2, -0.1}, {0.1, 0.2}, {0.1, -0.3}, {0.2, 0.001}}) {
    PairGap pair;
    pair.sets.resize(1);
    pair.sets[0].curvature = predicted;
    pair.sets[0].soup_loss = 1 + measured;
    pair.sets[0].ensemble_loss = 1;
    pair.sets[0].standard_error = 0.01;
    study.pairs.push_back(pair);
  }
  const GapAgreement sums = study.agreement(0);
  EXPECT_EQ(sums.pairs, 4);
  EXPECT_EQ(sums.right, 3);
  EXPECT_EQ(sums.clear, 3);
  EXPECT_EQ(sums.right_clear, 2);
  EXPECT_EQ(sums.soup_better, 2);
}

TEST(SoupGap, ComesBackFromItsLedgerLine) {
  PairGap pair;
  pair.i = 3;
  pair.j = 7;
  pair.beta = 1.25;
  pair.sets = {gap_on_path(0.2, 0.5, 0.1)};
  pair.sets[0].curvature = std::nan("");
  pair.identity = IdentityCheck{0.1, 0.2, 0.3};
  const Json json = to_json(pair);
  EXPECT_EQ(to_json(pair_from_json(Json::parse(json.dump(), "line"))).dump(), json.dump());
  EXPECT_THROW(pair_from_json(Json::object({{"i", 1}})), FormatError);
}

}  // namespace
}  // namespace stockpot::landscape
