#include "stockpot/kernels/attention.h"

#include <algorithm>
#include <tuple>

#include "support.h"

namespace stockpot {
namespace {

using namespace test;

AttentionShape shape_of(std::int64_t tokens, std::int64_t queries, std::int64_t size) {
  return {.images = 2,
          .queries = queries,
          .tokens = tokens,
          .heads = 3,
          .head_size = size,
          .in_row = 9 * size,
          .out_row = 3 * size,
          .scale = 0.3f};
}

struct Result {
  Doubles out, gradient;  // of q, k and v
};

// Values and gradients in double, by the definition, for stacked q, k, v.
Result reference(const AttentionShape& s, const Floats& qkv, const Floats& out_gradient) {
  Result r{Doubles(out_gradient.size()), Doubles(qkv.size())};
  const auto n = static_cast<std::size_t>(s.tokens);
  for (std::int64_t item = 0; item < s.items(); ++item)
    for (std::int64_t t = 0; t < s.queries; ++t) {
      const std::int64_t image = item / s.heads, column = item % s.heads * s.head_size;
      const auto in = [&](std::int64_t token, int part, std::int64_t c) {
        return static_cast<std::size_t>((image * s.tokens + token) * s.in_row + part * s.out_row +
                                        column + c);
      };
      const auto out = [&](std::int64_t c) {
        return static_cast<std::size_t>((image * s.queries + t) * s.out_row + column + c);
      };
      Doubles p(n), dp(n);
      double sum = 0, mixed = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const auto token = static_cast<std::int64_t>(j);
        double score = 0;
        for (std::int64_t c = 0; c < s.head_size; ++c) {
          score += static_cast<double>(qkv[in(t, 0, c)]) * qkv[in(token, 1, c)];
          dp[j] += static_cast<double>(out_gradient[out(c)]) * qkv[in(token, 2, c)];
        }
        sum += p[j] = std::exp(score * s.scale);
      }
      for (std::size_t j = 0; j < n; ++j) mixed += (p[j] /= sum) * dp[j];
      for (std::size_t j = 0; j < n; ++j) {
        const auto token = static_cast<std::int64_t>(j);
        const double d = p[j] * (dp[j] - mixed) * s.scale;
        for (std::int64_t c = 0; c < s.head_size; ++c) {
          r.out[out(c)] += p[j] * qkv[in(token, 2, c)];
          r.gradient[in(t, 0, c)] += d * qkv[in(token, 1, c)];
          r.gradient[in(token, 1, c)] += d * qkv[in(t, 0, c)];
          r.gradient[in(token, 2, c)] += p[j] * out_gradient[out(c)];
        }
      }
    }
  return r;
}

struct Kernel {
  Floats out, gradient;
};

Kernel run(const AttentionShape& s, const Floats& qkv, const Floats& out_gradient,
           std::int64_t items_a_time) {
  Kernel k{Floats(out_gradient.size()), Floats(qkv.size(), NAN)};
  Floats log_sum(static_cast<std::size_t>(s.items() * s.queries));
  const std::int64_t w = s.out_row;
  const float* const q = qkv.data();
  float* const g = k.gradient.data();
  for (std::int64_t i = 0; i < s.items(); i += items_a_time) {
    const std::int64_t end = std::min(s.items(), i + items_a_time);
    attention(s, q, q + w, q + 2 * w, k.out.data(), log_sum.data(), i, end);
    attention_backward(s, q, q + w, q + 2 * w, log_sum.data(),
                       {out_gradient.data(), g, g + w, g + 2 * w}, i, end);
  }
  return k;
}

TEST(Attention, EqualsItsDefinitionWithGradients) {
  for (const auto& [tokens, queries, size] :
       {std::tuple{65, 65, 32}, {5, 5, 1}, {65, 1, 8}, {197, 20, 16}}) {
    const AttentionShape s = shape_of(tokens, queries, size);
    const Floats qkv = random_floats(s.images * s.tokens * s.in_row, 1);
    const Floats gradient = random_floats(s.images * s.queries * s.out_row, 2);
    const Result expected = reference(s, qkv, gradient);
    const Kernel actual = run(s, qkv, gradient, s.items());
    expect_near(actual.out, expected.out, 5e-6);
    expect_near(actual.gradient, expected.gradient, 5e-5);
  }
}

TEST(Attention, HasTheSameBitsHoweverTheItemsAreSplit) {
  const AttentionShape s = shape_of(65, 65, 8);
  const Floats qkv = random_floats(s.images * s.tokens * s.in_row, 1);
  const Floats gradient = random_floats(s.images * s.queries * s.out_row, 2);
  const Kernel whole = run(s, qkv, gradient, s.items());
  for (const std::int64_t items : {1, 4}) {
    const Kernel split = run(s, qkv, gradient, items);
    EXPECT_EQ(split.out, whole.out);
    EXPECT_EQ(split.gradient, whole.gradient);
  }
}

TEST(Attention, SurvivesScoresThatOverflowAnExponential) {
  AttentionShape s = shape_of(4, 4, 1);
  s.scale = 1;
  const Floats qkv = random_floats(s.images * s.tokens * s.in_row, 1, 40);
  const Kernel k = run(s, qkv, Floats(static_cast<std::size_t>(s.images * 4 * 3), 1), s.items());
  for (const float value : k.out) EXPECT_TRUE(std::isfinite(value));
  for (const float value : k.gradient) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace stockpot
