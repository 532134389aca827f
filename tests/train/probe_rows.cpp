// The passes over features under the probe, against float64 and against each other.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/random.h"
#include "stockpot/model/runtime.h"
#include "stockpot/train/gram_metric.h"
#include "stockpot/train/packed_rows.h"
#include "stockpot/train/tensor_rows.h"

namespace stockpot {
namespace {

// Numbers from N(0, 1) that are the same everywhere.
at::Tensor normal(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  RandomStream random(seed, Purpose::test);
  at::Tensor x = at::empty({rows, columns}, at::kFloat);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<float>()[i] = static_cast<float>(random.normal());
  return x;
}

at::Tensor labels(std::int64_t rows, std::int64_t classes) {
  RandomStream random(99, Purpose::test);
  at::Tensor y = at::empty({rows}, at::kLong);
  for (std::int64_t i = 0; i < rows; ++i)
    y.data_ptr<std::int64_t>()[i] =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(classes)));
  return y;
}

Normalisation some_normalisation(std::int64_t features) {
  Normalisation normalisation;
  for (std::int64_t j = 0; j < features; ++j) {
    normalisation.mean.push_back(0.1 * static_cast<double>(j % 7));
    normalisation.scale.push_back(1 + 0.01 * static_cast<double>(j % 5));
  }
  return normalisation;
}

Coefficients some_classifier(std::int64_t length, std::uint64_t seed) {
  RandomStream random(seed, Purpose::test);
  Coefficients x(static_cast<std::size_t>(length));
  for (double& value : x) value = 0.3 * random.normal();
  return x;
}

struct Evaluated {
  std::vector<LossSums> sums;
  std::vector<Coefficients> gradients;
  std::vector<std::int64_t> correct;
};

Evaluated evaluate(FeatureRows& rows, std::size_t count) {
  std::vector<Coefficients> classifiers;
  Evaluated result;
  for (std::size_t i = 0; i < count; ++i)
    classifiers.push_back(some_classifier(rows.length(), 10 + i));
  result.gradients.assign(count, Coefficients(static_cast<std::size_t>(rows.length())));
  std::vector<const Coefficients*> in;
  std::vector<Coefficients*> out;
  for (std::size_t i = 0; i < count; ++i) {
    in.push_back(&classifiers[i]);
    out.push_back(&result.gradients[i]);
  }
  result.sums = rows.evaluate(in, out);
  result.correct = rows.count_correct(in);
  return result;
}

TEST(FeatureRows, InFloat32AreThoseInFloat64ForAnyShape) {
  struct Shape {
    std::int64_t rows, features, classes;
    std::size_t count;
  };
  for (const Shape& shape :
       {Shape{1, 3, 2, 1}, Shape{7, 1, 3, 2}, Shape{97, 50, 10, 5}, Shape{1000, 33, 2, 7},
        Shape{2500, 64, 30, 40}, Shape{300, 260, 1100, 2}}) {
    const at::Tensor x = normal(shape.rows, shape.features, 1),
                     y = labels(shape.rows, shape.classes);
    const Normalisation normalisation = some_normalisation(shape.features);
    PackedRows<float> packed(x, normalisation, y, shape.classes);
    TensorRows exact(x, normalisation, y, shape.classes, Precision::float64);
    const Evaluated a = evaluate(packed, shape.count), b = evaluate(exact, shape.count);
    for (std::size_t i = 0; i < shape.count; ++i) {
      EXPECT_NEAR(a.sums[i].loss / b.sums[i].loss, 1, 2e-6);
      EXPECT_NEAR(a.sums[i].spread, b.sums[i].spread, 1e-5 * b.sums[i].spread + 1e-6);
      EXPECT_EQ(a.correct[i], b.correct[i]);
      EXPECT_EQ(a.correct[i], a.sums[i].correct);
      double largest = 0;
      for (const double g : b.gradients[i]) largest = std::max(largest, std::abs(g));
      for (std::size_t j = 0; j < b.gradients[i].size(); ++j)
        ASSERT_NEAR(a.gradients[i][j], b.gradients[i][j], 2e-5 * largest) << shape.rows << " " << j;
    }
  }
}

// Two ways to the same float64 numbers, from features of either type.
TEST(FeatureRows, InFloat64AreThoseOfLibTorch) {
  const at::Tensor y = labels(2500, 11);
  const Normalisation normalisation = some_normalisation(300);
  for (const at::Tensor& x :
       {normal(2500, 300, 4), normal(2500, 300, 4).to(at::kDouble).mul(M_PI)}) {
    PackedRows<double> packed(x, normalisation, y, 11);
    TensorRows tensors(x, normalisation, y, 11, Precision::float64);
    const Evaluated a = evaluate(packed, 7), b = evaluate(tensors, 7);
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_NEAR(a.sums[i].loss / b.sums[i].loss, 1, 1e-14);
      EXPECT_NEAR(a.sums[i].spread / b.sums[i].spread, 1, 1e-13);
      EXPECT_EQ(a.correct[i], b.correct[i]);
      EXPECT_EQ(a.correct[i], a.sums[i].correct);
      for (std::size_t j = 0; j < b.gradients[i].size(); ++j)
        ASSERT_NEAR(a.gradients[i][j], b.gradients[i][j], 1e-10) << j;
    }
  }
}

// Against the plain formula, and against its own differences.
TEST(FeatureRows, GiveTheCrossEntropyAndItsGradient) {
  const at::Tensor x = normal(40, 6, 2), y = labels(40, 4);
  PackedRows<double> rows(x, some_normalisation(6), y, 4);
  Coefficients w = some_classifier(rows.length(), 5), gradient(w.size());
  const auto loss = [&](const Coefficients& at) {
    Coefficients unused(at.size());
    const Coefficients* in[] = {&at};
    Coefficients* out[] = {&unused};
    return rows.evaluate(in, out)[0].loss;
  };
  const Coefficients* in[] = {&w};
  Coefficients* out[] = {&gradient};
  rows.evaluate(in, out);
  for (std::size_t j = 0; j < w.size(); ++j) {
    Coefficients up = w, down = w;
    up[j] += 1e-5;
    down[j] -= 1e-5;
    EXPECT_NEAR((loss(up) - loss(down)) / 2e-5, gradient[j], 1e-6);
  }
}

// Of LibTorch and of OpenBLAS, which has a pool of its own.
template <typename Number>
void expect_the_same_bits_for_any_number_of_threads() {
  const at::Tensor x = normal(3000, 40, 3), y = labels(3000, 12);
  const int before = at::get_num_threads();
  PackedRows<Number> rows(x, some_normalisation(40), y, 12);
  const Evaluated two = evaluate(rows, 6);
  set_torch_threads(1);
  const Evaluated one = evaluate(rows, 6);
  set_torch_threads(7);
  const Evaluated seven = evaluate(rows, 6);
  set_torch_threads(before);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(one.gradients[i], two.gradients[i]);
    EXPECT_EQ(one.gradients[i], seven.gradients[i]);
    EXPECT_EQ(one.sums[i].loss, two.sums[i].loss);
    EXPECT_EQ(one.sums[i].loss, seven.sums[i].loss);
  }
}

TEST(FeatureRows, GiveTheSameBitsForAnyNumberOfThreads) {
  expect_the_same_bits_for_any_number_of_threads<float>();
  expect_the_same_bits_for_any_number_of_threads<double>();
}

// A sample that is right with p = 1 - 4e-9 has the loss 4e-9: in plain float32 it would be 0.
TEST(SoftmaxResiduals, KeepTheirPrecisionWhereTheLossIsTiny) {
  float scores[] = {20, 0.5f, -1};
  const std::int32_t label[] = {0};
  double sums[3] = {};
  const double others = std::exp(-19.5) + std::exp(-21.0);
  const LossSums result = softmax_residuals(3, 1, label, scores, 1, sums);
  EXPECT_NEAR(result.loss / std::log1p(others), 1, 1e-6);
  EXPECT_NEAR(static_cast<double>(scores[0]) / (-others / (1 + others)), 1, 1e-6);
  EXPECT_NEAR(static_cast<double>(scores[1]) / (std::exp(-19.5) / (1 + others)), 1, 1e-6);
  EXPECT_EQ(result.correct, 1);
}

TEST(SoftmaxResiduals, OfAHopelessSampleAreTheDistanceOfItsScores) {
  float scores[] = {-100, 100};
  const std::int32_t label[] = {0};
  double sums[2] = {};
  const LossSums result = softmax_residuals(2, 1, label, scores, 1, sums);
  EXPECT_NEAR(result.loss, 200, 1e-4);
  EXPECT_EQ(scores[0], -1);
  EXPECT_EQ(scores[1], 1);
  EXPECT_EQ(result.correct, 0);
}

TEST(SoftmaxResiduals, GiveATieToTheFirstClass) {
  for (const std::int32_t label : {0, 1, 2}) {
    float scores[] = {1, 2, 2};
    double sums[3] = {};
    EXPECT_EQ(count_correct(3, 1, &label, scores, 1), label == 1 ? 1 : 0);
    EXPECT_EQ(softmax_residuals(3, 1, &label, scores, 1, sums).correct, label == 1 ? 1 : 0);
  }
}

TEST(GramMetric, InvertsWhatItHasSeen) {
  // Fewer features than directions: the metric is exact.
  const at::Tensor x = normal(500, 20, 4), y = labels(500, 3);
  Normalisation none{std::vector<double>(20, 0.0), std::vector<double>(20, 1.0)};
  PackedRows<float> rows(x, none, y, 3);
  const GramMetric metric(rows);
  const at::Tensor gram = at::matmul(x.t(), x);
  const Coefficients w = some_classifier(rows.length(), 8);
  std::vector<float> image(w.size());
  for (std::int64_t k = 0; k < 3; ++k) {
    for (std::int64_t i = 0; i < 20; ++i) {
      double sum = 2 * w[static_cast<std::size_t>(k * 20 + i)];
      for (std::int64_t j = 0; j < 20; ++j)
        sum += 0.1 * gram[i][j].item<double>() * w[static_cast<std::size_t>(k * 20 + j)];
      image[static_cast<std::size_t>(k * 20 + i)] = static_cast<float>(sum);
    }
    image[static_cast<std::size_t>(60 + k)] =
        static_cast<float>(0.1 * 500 * w[static_cast<std::size_t>(60 + k)]);
  }
  double norm = 0;
  for (std::size_t i = 0; i < w.size(); ++i) norm += w[i] * static_cast<double>(image[i]);
  EXPECT_NEAR(metric.squared_norm(0.1, 2, 3, w) / norm, 1, 1e-4);
  const InverseMetric inverse = metric.inverse(0.1, 2, GramMetric::Rest::mean);
  const std::vector<float> inside = metric.project(3, image.data());
  EXPECT_NEAR(inverse.squared(rows.length(), 60, image.data(), inside) / norm, 1, 1e-4);
  metric.solve(inverse, 3, inside, image.data());
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(image[i], w[i], 1e-4);
}

}  // namespace
}  // namespace stockpot
