// The accumulators and spans against closed forms and whole matrices.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <cmath>
#include <numbers>

#include "matrices.h"
#include "stockpot/base/threads.h"
#include "stockpot/diagnose/movement.h"

namespace stockpot::diagnose {
namespace {

MatrixXd orthonormal(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  const Eigen::HouseholderQR<MatrixXd> qr(random_matrix(rows, columns, seed));
  return qr.householderQ() * MatrixXd::Identity(rows, columns);
}

TEST(Moments, OfAStreamAreThoseOfTheWholeMatrixWhateverTheMean) {
  const MatrixXd rows = random_matrix(211, 70, 1).array() + 1e6;
  const std::vector<std::int64_t> labels = random_labels(211, 4, 1);
  FeatureMoments stream(70, 4);
  for (Eigen::Index first = 0; first < 211; first += 17) {
    const Eigen::Index n = std::min<Eigen::Index>(17, 211 - first);
    stream.add(rows.middleRows(first, n), std::span(labels).subspan(static_cast<std::size_t>(first),
                                                                    static_cast<std::size_t>(n)));
  }
  const MatrixXd centred = rows.rowwise() - rows.colwise().mean();
  const MatrixXd whole = centred.transpose() * centred;
  EXPECT_LT((stream.scatter() - whole).norm(), 1e-9 * whole.norm());
  EXPECT_NEAR(stream.mean_norm(), rows.rowwise().norm().mean(), 1e-6);
  double squares = 0;
  for (Eigen::Index i = 0; i < 211; ++i)
    for (Eigen::Index j = 0; j < i; ++j) squares += (rows.row(i) - rows.row(j)).squaredNorm();
  EXPECT_NEAR(stream.pair_distance(), std::sqrt(squares / (211 * 210 / 2)), 1e-8);
}

TEST(Moments, DoNotDependOnTheNumberOfThreads) {
  const MatrixXd a = random_matrix(50, 130, 2), b = random_matrix(50, 200, 3);
  const int before = threads();
  MatrixXd one = MatrixXd::Zero(130, 200), four = one;
  set_threads(1);
  add_product(one, a, b);
  set_threads(4);
  add_product(four, a, b);
  set_threads(before);
  EXPECT_EQ(one, four);
  EXPECT_LT((one - a.transpose() * b).norm(), 1e-12 * one.norm());

  MatrixXd square = MatrixXd::Zero(130, 130);
  add_square(square, a);
  EXPECT_LT((symmetric(square) - a.transpose() * a).norm(), 1e-12 * square.norm());
}

TEST(Separation, IsBetweenOverWithin) {
  FeatureMoments moments(1, 2);
  MatrixXd rows(4, 1);
  rows << 0, 2, 10, 12;  // means 1 and 11: between 4 * 25, within 4 * 1
  moments.add(rows, std::vector<std::int64_t>{0, 0, 1, 1});
  ASSERT_TRUE(has_separation(moments));
  EXPECT_NEAR(separation(moments).ratio(), 25, 1e-12);
}

TEST(Separation, NeedsTwoClassesAndScatterInsideThem) {
  MatrixXd rows(2, 1);
  rows << 1, 3;
  FeatureMoments one(1, 2), apart(1, 2);
  one.add(rows, std::vector<std::int64_t>{1, 1});
  apart.add(rows, std::vector<std::int64_t>{0, 1});
  EXPECT_FALSE(has_separation(one));
  EXPECT_FALSE(has_separation(apart));
}

TEST(Angles, OfTwoPlanesAreTheAngleTheyWereTurnedBy) {
  for (const double angle : {0.0, 1e-9, 1e-3, 0.5, 1.2, std::numbers::pi / 2}) {
    MatrixXd first = MatrixXd::Zero(4, 2), second = first;
    first(0, 0) = first(1, 1) = 1;
    second(0, 0) = 1;
    second(1, 1) = std::cos(angle);
    second(2, 1) = std::sin(angle);
    const MatrixXd turn = orthonormal(4, 4, 4), mix = orthonormal(2, 2, 5);
    const Angles angles = principal_angles(turn * first, turn * second * mix);
    EXPECT_NEAR(angles.radians[0], 0, 1e-14);
    EXPECT_NEAR(angles.radians[1], angle, 1e-14) << angle;
  }
}

TEST(Angles, OfALineInsideASpaceAreZeroInBothOrders) {
  const MatrixXd space = orthonormal(9, 4, 6);
  const MatrixXd line = space * orthonormal(4, 1, 7);
  EXPECT_NEAR(principal_angles(space, line).largest_degrees(), 0, 1e-12);
  EXPECT_NEAR(principal_angles(line, space).largest_degrees(), 0, 1e-12);
}

TEST(Span, KeepsTheFewestDirectionsThatHoldTheShare) {
  const MatrixXd axes = orthonormal(5, 5, 8);
  const VectorXd variance = (VectorXd(5) << 60, 30, 6, 4, 0).finished();
  const MatrixXd scatter = axes * variance.asDiagonal() * axes.transpose();
  EXPECT_EQ(principal_span(scatter, {.share = 0.9, .rank = {}}).rank(), 2);
  EXPECT_EQ(principal_span(scatter, {.share = 0.91, .rank = {}}).rank(), 3);
  EXPECT_EQ(principal_span(scatter, {.share = 1, .rank = {}}).rank(), 4);
  EXPECT_EQ(principal_span(scatter, {.share = 0.9, .rank = 9}).rank(), 4) << "only what varies";
  const Span span = principal_span(scatter, {.share = 0.9, .rank = 1});
  EXPECT_NEAR(span.share, 0.6, 1e-12);
  EXPECT_NEAR(std::abs(span.basis.col(0).dot(axes.col(0))), 1, 1e-12);
  EXPECT_NEAR(share_inside(scatter, axes.rightCols(3)), 0.1, 1e-12);
}

TEST(Cka, IsOneUpToRotationScaleAndShift) {
  const MatrixXd x = random_matrix(40, 6, 9);
  const MatrixXd y = ((3 * x * orthonormal(6, 6, 10)).array() + 5).matrix();
  const std::vector<std::int64_t> labels(40);
  FeatureMoments before(6, 1), after(6, 1);
  Movement movement(6);
  before.add(x, labels);
  after.add(y, labels);
  movement.add(x, y);
  EXPECT_NEAR(linear_cka(before.scatter(), after.scatter(), movement.cross()), 1, 1e-12);
}

TEST(Movement, ByOneVectorIsItsLengthAndAllCommon) {
  const MatrixXd x = random_matrix(30, 4, 11);
  const VectorXd step = (VectorXd(4) << 3, 0, 4, 0).finished();
  Movement movement(4);
  movement.add(x.topRows(13), x.topRows(13).rowwise() + step.transpose());
  movement.add(x.bottomRows(17), x.bottomRows(17).rowwise() + step.transpose());
  EXPECT_NEAR(movement.mean_distance(), 5, 1e-12);
  EXPECT_NEAR(movement.median_distance(), 5, 0.03);
  EXPECT_NEAR(movement.mean_square(), 25, 1e-11);
  EXPECT_NEAR(movement.common_share(), 1, 1e-12);
  EXPECT_NEAR(share_inside(movement.displacement(), MatrixXd::Identity(4, 1)), 0.36, 1e-12);
}

TEST(Movement, OfNothingIsZero) {
  const MatrixXd x = random_matrix(5, 3, 12);
  Movement movement(3);
  movement.add(x, x);
  EXPECT_EQ(movement.mean_distance(), 0);
  EXPECT_EQ(movement.median_distance(), 0);
  EXPECT_EQ(movement.common_share(), 0);
}

TEST(Bootstrap, HasTheStandardErrorOfAMean) {
  StreamingBootstrap bootstrap(1, 0, 2);
  RandomStream draws(3, Purpose::test);
  for (int batch = 0; batch < 20; ++batch) {
    MatrixXd rows(100, 2);
    for (int i = 0; i < 100; ++i) {
      const double value = 10 + 2 * draws.normal();
      rows.row(i) << value, 3 * value;
    }
    bootstrap.add(rows);
  }
  const PercentileInterval interval = percentiles(bootstrap.replicates(0));
  const double expected = 2 * 1.96 * 2 / std::sqrt(2000.0);  // width of a normal interval
  EXPECT_NEAR(interval.high - interval.low, expected, 0.12 * expected);
  EXPECT_LT(interval.low, bootstrap.mean(0));
  EXPECT_GT(interval.high, bootstrap.mean(0));
  const std::vector<double> once = bootstrap.replicates(0), thrice = bootstrap.replicates(1);
  for (std::size_t r = 0; r < once.size(); ++r)
    ASSERT_NEAR(thrice[r], 3 * once[r], 1e-9) << "channels share their weights";
}

TEST(Bootstrap, IntervalHoldsTheMeanAboutAsOftenAsItSays) {
  int held = 0;
  constexpr int kTrials = 150;
  for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
    StreamingBootstrap bootstrap(trial, 5, 1);
    RandomStream draws(trial, Purpose::test, 2);
    MatrixXd rows(100, 1);
    for (double& value : rows.reshaped()) value = draws.normal();
    bootstrap.add(rows);
    const PercentileInterval interval = percentiles(bootstrap.replicates(0));
    held += interval.low <= 0 && 0 <= interval.high;
  }
  EXPECT_GE(held, 132);  // 0.95 * 150 = 142.5, standard deviation 2.7
}

}  // namespace
}  // namespace stockpot::diagnose
