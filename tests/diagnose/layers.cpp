// Movement by layer against plain formulas on whole matrices.
#include <gtest/gtest.h>

#include <cmath>

#include "matrices.h"
#include "stockpot/base/error.h"
#include "stockpot/diagnose/layer_study.h"

namespace stockpot::diagnose {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

RowMajor matrix(Eigen::Index rows, Eigen::Index columns, double turn) {
  RowMajor made(rows, columns);
  for (Eigen::Index i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<float>(std::sin(turn + 0.7 * static_cast<double>(i * i % 97)));
  return made;
}

LayerRows rows_of(const RowMajor& m, Eigen::Index first, Eigen::Index count) {
  return {{m.data() + first * m.cols(), static_cast<std::size_t>(count * m.cols())}, m.cols()};
}

void add(LayerStudy& study, const std::vector<std::vector<LayerRows>>& layers, std::size_t rows) {
  study.expect(layers);
  for (std::size_t l = 0; l < study.count(); ++l)
    for (std::size_t m = 0; m < layers.size(); ++m) study.add(l, m, layers, rows);
}

TEST(LayerStudy, EqualsThePlainFormulas) {
  const Eigen::Index n = 40;
  const std::vector<RowMajor> before{matrix(n, 6, 0), matrix(n, 3, 1)};
  const std::vector<RowMajor> after{matrix(n, 6, 0.2), matrix(n, 3, 2)};
  LayerStudy study;
  for (Eigen::Index first = 0; first < n; first += 9) {
    const Eigen::Index count = std::min<Eigen::Index>(9, n - first);
    std::vector<std::vector<LayerRows>> layers(2);
    for (std::size_t l = 0; l < 2; ++l) {
      layers[0].push_back(rows_of(before[l], first, count));
      layers[1].push_back(rows_of(after[l], first, count));
    }
    add(study, layers, static_cast<std::size_t>(count));
  }
  EXPECT_EQ(study.widths(), (std::vector<std::int64_t>{6, 3}));
  const auto result = study.result();
  ASSERT_EQ(result.size(), 1u);
  ASSERT_EQ(result[0].size(), 2u);
  for (std::size_t l = 0; l < 2; ++l) {
    const MatrixXd x = before[l].cast<double>(), y = after[l].cast<double>();
    const MatrixXd cx = x.rowwise() - x.colwise().mean(), cy = y.rowwise() - y.colwise().mean();
    const double mean = (y - x).rowwise().norm().mean();
    EXPECT_NEAR(result[0][l].mean, mean, 1e-12);
    EXPECT_NEAR(result[0][l].over_norm, mean / x.rowwise().norm().mean(), 1e-12);
    const double pair = std::sqrt(2 * cx.squaredNorm() / static_cast<double>(n - 1));
    EXPECT_NEAR(result[0][l].over_spread, mean / pair, 1e-12);
    const double cka = (cx.transpose() * cy).squaredNorm() /
                       ((cx.transpose() * cx).norm() * (cy.transpose() * cy).norm());
    EXPECT_NEAR(result[0][l].cka, cka, 1e-12);
  }
}

TEST(LayerStudy, OfTheSameModelIsNothingAtAllAndALayerThatDoesNotVaryIsFine) {
  const RowMajor same = matrix(5, 4, 0), flat = RowMajor::Constant(5, 2, 1.5f);
  LayerStudy study;
  add(study,
      {{rows_of(same, 0, 5), rows_of(flat, 0, 5)}, {rows_of(same, 0, 5), rows_of(flat, 0, 5)}}, 5);
  const auto result = study.result();
  EXPECT_EQ(result[0][0].mean, 0);
  EXPECT_NEAR(result[0][0].cka, 1, 1e-12);
  EXPECT_EQ(result[0][1].over_spread, 0);
  EXPECT_EQ(result[0][1].cka, 1);
}

TEST(LayerStudy, RefusesLayersOfDifferentWidths) {
  const RowMajor wide = matrix(5, 4, 0), narrow = matrix(5, 2, 0);
  LayerStudy study;
  EXPECT_THROW(study.expect({{rows_of(wide, 0, 5)}, {rows_of(narrow, 0, 5)}}), FormatError);
}

}  // namespace
}  // namespace stockpot::diagnose
