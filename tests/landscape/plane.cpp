#include "stockpot/landscape/plane.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/progress.h"
#include "tests/base/message_of.h"
#include "tests/compare/trained.h"

namespace stockpot::landscape {
namespace {

Tensors tensors(const std::vector<float>& values, const std::vector<float>& statistics) {
  return {make_tensor("w", Dtype::f32, {static_cast<std::int64_t>(values.size())}, values),
          make_tensor("bn.running_mean", Dtype::f32, {2}, statistics)};
}

TEST(Plane, CoordinatesAreThoseOfGramSchmidt) {
  const Kitchen kitchen;
  const Checkpoint a = kitchen.open("a", tensors({1, 1, 1}, {0, 0})),
                   b = kitchen.open("b", tensors({4, 1, 5}, {9, 9})),
                   c = kitchen.open("c", tensors({4, 3, 1}, {7, 7}));
  // B - A = (3, 0, 4), C - A = (3, 2, 0): u1 = (0.6, 0, 0.8), the rest of C is (1.92, 2, -1.44).
  const Triangle triangle = measure_triangle(a, b, c);
  EXPECT_EQ(triangle.ab, 25);
  EXPECT_EQ(triangle.ac, 13);
  EXPECT_EQ(triangle.bc, 20);
  const PlaneFrame frame(triangle);
  EXPECT_EQ(frame.anchors()[0], (PlanePoint{0, 0}));
  EXPECT_EQ(frame.anchors()[1], (PlanePoint{5, 0}));
  EXPECT_DOUBLE_EQ(frame.anchors()[2].x, 1.8);
  EXPECT_DOUBLE_EQ(frame.anchors()[2].y, std::sqrt(1.92 * 1.92 + 4 + 1.44 * 1.44));
  EXPECT_NEAR(frame.angle(), std::acos(9 / (5 * std::sqrt(13.0))) * 180 / M_PI, 1e-9);
}

TEST(Plane, WeightsOfAPointLeadToItsPlaceInWeightSpace) {
  const double a[] = {1, 1, 1}, b[] = {4, 1, 5}, c[] = {4, 3, 1};
  const PlaneFrame frame(Triangle{25, 13, 20});
  const double y = frame.anchors()[2].y;
  const double u1[] = {0.6, 0, 0.8}, u2[] = {1.92 / y, 2 / y, -1.44 / y};
  for (const PlanePoint point : {PlanePoint{0.3, 2.5}, {-4, 1}, {7, -3}}) {
    const auto weights = frame.weights(point);
    EXPECT_NEAR(weights[0] + weights[1] + weights[2], 1, 1e-12);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(weights[0] * a[i] + weights[1] * b[i] + weights[2] * c[i],
                  a[i] + point.x * u1[i] + point.y * u2[i], 1e-12);
  }
}

TEST(Plane, AnAnchorIsExactlyItsModelAndTheMiddleTheUniformSoup) {
  const PlaneFrame frame(Triangle{25, 13, 20});
  EXPECT_EQ(frame.weights(frame.anchors()[0]), (std::array<double, 3>{1, 0, 0}));
  EXPECT_EQ(frame.weights(frame.anchors()[1]), (std::array<double, 3>{0, 1, 0}));
  EXPECT_EQ(frame.weights(frame.anchors()[2]), (std::array<double, 3>{0, 0, 1}));
  const auto middle = frame.weights(frame.centroid());
  EXPECT_EQ(middle, (std::array<double, 3>{1.0 / 3, 1.0 / 3, 1.0 / 3}));
}

TEST(Plane, ModelsOnALineAreRefusedWithTheirAngle) {
  EXPECT_NE(message_of<UsageError>([] {
              PlaneFrame(Triangle{1, 4, 1});
            }).find("angle at A is 0 degrees"),
            std::string::npos);
  EXPECT_NE(message_of<UsageError>([] {
              PlaneFrame(Triangle{1, 1, 4});
            }).find("180 degrees"),
            std::string::npos);
  EXPECT_NE(message_of<UsageError>([] {
              PlaneFrame(Triangle{0, 1, 1});
            }).find("A and B have the same"),
            std::string::npos);
  EXPECT_NE(message_of<UsageError>([] {
              PlaneFrame(Triangle{1, 1, 0});
            }).find("B and C have the same"),
            std::string::npos);
}

TEST(Plane, TheGridHoldsTheModelsWithRoomAroundThem) {
  const PlaneFrame frame(Triangle{25, 13, 20});
  const PlaneGrid grid = PlaneGrid::around(frame, 15, 0.2);
  EXPECT_EQ(grid.columns, 15);
  EXPECT_DOUBLE_EQ(grid.left, -1);
  EXPECT_DOUBLE_EQ(grid.step, 0.5);
  EXPECT_DOUBLE_EQ(grid.at(0).y, -1);
  EXPECT_DOUBLE_EQ(grid.at(14).x, 6);
  EXPECT_GE(grid.at(grid.size() - 1).y, frame.anchors()[2].y + 1 - 1e-9);
  EXPECT_DOUBLE_EQ(grid.at(15).y - grid.at(0).y, 0.5);
}

TEST(Contour, OfAPlaneIsAStraightLine) {
  std::vector<double> values;
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 5; ++x) values.push_back(x + 2 * y);
  const auto pieces = contour(values, 5, 3.5);
  EXPECT_FALSE(pieces.empty());
  for (const ContourPiece& piece : pieces) {
    EXPECT_NEAR(piece.from.x + 2 * piece.from.y, 3.5, 1e-12);
    EXPECT_NEAR(piece.to.x + 2 * piece.to.y, 3.5, 1e-12);
  }
}

TEST(Contour, OfASaddleKeepsTheHighCornersTogether) {
  // Corners 1 0 / 0 1, mean 0.5: above a height of 0.4 the middle belongs to the ones.
  const auto pieces = contour({1, 0, 0, 1}, 2, 0.4);
  ASSERT_EQ(pieces.size(), 2u);
  for (const ContourPiece& piece : pieces) {
    // Each piece cuts off one of the zeros, at (1, 0) or at (0, 1).
    const double x = (piece.from.x + piece.to.x) / 2, y = (piece.from.y + piece.to.y) / 2;
    EXPECT_GT(std::abs(x - y), 0.5);
  }
}

TEST(Contour, LeavesOutCellsThatHaveNoNumber) {
  EXPECT_TRUE(contour({0, 1, std::numeric_limits<double>::quiet_NaN(), 1}, 2, 0.5).empty());
}

}  // namespace
}  // namespace stockpot::landscape
