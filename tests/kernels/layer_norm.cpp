#include "stockpot/kernels/layer_norm.h"

#include "support.h"

namespace stockpot {
namespace {

using namespace test;

constexpr float kEpsilon = 1e-3f;

// Normalised rows in double, and 1 / sqrt(variance + epsilon) of each.
struct Reference {
  Reference(std::int64_t rows, std::int64_t n, const Floats& x) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const float* row = x.data() + r * n;
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < n; ++i) mean += row[i] / static_cast<double>(n);
      for (std::int64_t i = 0; i < n; ++i)
        variance += (row[i] - mean) * (row[i] - mean) / static_cast<double>(n);
      inverse.push_back(1 / std::sqrt(variance + kEpsilon));
      for (std::int64_t i = 0; i < n; ++i) z.push_back((row[i] - mean) * inverse.back());
    }
  }
  Doubles z, inverse;
};

class LayerNorm : public testing::TestWithParam<std::int64_t> {
 protected:
  static constexpr std::int64_t rows = 9;
  const std::int64_t n = GetParam();
  const Floats x = random_floats(rows * n, 1, 3), weight = random_floats(n, 2),
               bias = random_floats(n, 3), gradient = random_floats(rows * n, 4);
  const Reference reference{rows, n, x};
};

TEST_P(LayerNorm, EqualsItsDefinition) {
  Doubles expected;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % weight.size();
    expected.push_back(reference.z[i] * weight[c] + bias[c]);
  }
  Floats y = x;
  layer_norm(rows, n, y.data(), weight.data(), bias.data(), kEpsilon, y.data(), nullptr, nullptr);
  expect_near(y, expected, 3e-6);
}

TEST_P(LayerNorm, HasTheGradientsOfItsDefinition) {
  Floats mean(rows), inverse(rows), y(x.size()), dx = gradient;
  Floats dw(weight.size()), db(weight.size());
  layer_norm(rows, n, x.data(), weight.data(), bias.data(), kEpsilon, y.data(), mean.data(),
             inverse.data());
  layer_norm_backward(rows, n, x.data(), weight.data(), mean.data(), inverse.data(), dx.data(),
                      dx.data(), dw.data(), db.data());
  Doubles expected_x, expected_w(weight.size()), expected_b(weight.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    double sum = 0, product = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(r * n + i), c = static_cast<std::size_t>(i);
      const double g = static_cast<double>(gradient[at]) * weight[c];
      sum += g / static_cast<double>(n);
      product += g * reference.z[at] / static_cast<double>(n);
      expected_w[c] += gradient[at] * reference.z[at];
      expected_b[c] += gradient[at];
    }
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(r * n + i);
      const double g = static_cast<double>(gradient[at]) * weight[static_cast<std::size_t>(i)];
      expected_x.push_back(reference.inverse[static_cast<std::size_t>(r)] *
                           (g - sum - reference.z[at] * product));
    }
  }
  expect_near(dx, expected_x, 1e-5);
  expect_near(dw, expected_w, 1e-5);
  expect_near(db, expected_b, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Widths, LayerNorm, testing::Values(3, 16, 37, 128));

}  // namespace
}  // namespace stockpot
