// Every fused operator against LibTorch's plain ones in double: values and all gradients.
#include "stockpot/model/fused_ops.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "support.h"

namespace stockpot {
namespace {

using Tensors = std::vector<at::Tensor>;
using Operator = std::function<at::Tensor(const Tensors&)>;

struct Outcome {
  at::Tensor value;
  Tensors gradients;
};

// The value, and the gradients of a fixed random mixture of its elements.
Outcome run(const Operator& op, const Tensors& inputs, at::ScalarType type) {
  Tensors leaves;
  for (const at::Tensor& input : inputs)
    leaves.push_back(input.to(type, false, /*copy=*/true).requires_grad_(true));
  const at::Tensor value = op(leaves);
  const at::Tensor mixture =
      at::randn(value.sizes(), at::make_generator<at::CPUGeneratorImpl>(5)).to(type);
  (value * mixture).sum().backward();
  Outcome outcome{value.detach(), {}};
  for (const at::Tensor& leaf : leaves) outcome.gradients.push_back(leaf.grad());
  return outcome;
}

void expect_close(const at::Tensor& actual, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  const double scale = expected.abs().max().item<double>() + 1;
  EXPECT_LT((actual.to(at::kDouble) - expected).abs().max().item<double>() / scale, 1e-5) << what;
}

void expect_equal(const Operator& fused, const Operator& plain, const Tensors& inputs) {
  const Outcome actual = run(fused, inputs, at::kFloat);
  const Outcome expected = run(plain, inputs, at::kDouble);
  expect_close(actual.value, expected.value, "value");
  for (std::size_t i = 0; i < inputs.size(); ++i)
    expect_close(actual.gradients[i], expected.gradients[i], "gradient " + std::to_string(i));
}

// The same numbers in every run: the bounds above leave room for rounding, not for any luck.
at::Tensor normal(at::IntArrayRef sizes) {
  static const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(11);
  return at::randn(sizes, generator);
}

TEST(FusedLinear, EqualsLinear) {
  expect_equal([](const Tensors& t) { return fused_linear(t[0], t[1], t[2]); },
               [](const Tensors& t) { return at::linear(t[0], t[1], t[2]); },
               {normal({3, 65, 40}), normal({50, 40}), normal({50})});
}

TEST(FusedLinear, EqualsLinearWithoutBias) {
  expect_equal([](const Tensors& t) { return fused_linear(t[0], t[1], {}); },
               [](const Tensors& t) { return at::linear(t[0], t[1]); },
               {normal({7, 300}), normal({3, 300})});
}

TEST(FusedLinear, AddsAShortcut) {
  expect_equal([](const Tensors& t) { return fused_linear(t[0], t[1], t[2], t[3]); },
               [](const Tensors& t) { return at::linear(t[0], t[1], t[2]) + t[3]; },
               {normal({2, 65, 128}), normal({128, 128}), normal({128}), normal({2, 65, 128})});
}

TEST(FusedGeluMlp, EqualsLinearGeluLinear) {
  expect_equal(
      [](const Tensors& t) {
        return fused_gelu_mlp(t[0], {t[1], t[2], t[3], t[4]}, t[0]);
      },
      [](const Tensors& t) {
        return at::linear(at::gelu(at::linear(t[0], t[1], t[2])), t[3], t[4]) + t[0];
      },
      {normal({2, 65, 32}), normal({100, 32}), normal({100}), normal({32, 100}), normal({32})});
}

TEST(FusedGeluMlp, KeepsNothingWithoutGradients) {
  const at::Tensor x = normal({4, 8}), up = normal({16, 8}), down = normal({8, 16});
  const at::Tensor with = fused_gelu_mlp(x, {up, {}, down, {}});
  const c10::NoGradGuard no_grad;
  EXPECT_TRUE(test::same_bits(with, fused_gelu_mlp(x, {up, {}, down, {}})));
}

TEST(FusedLayerNorm, EqualsLayerNorm) {
  for (const std::int64_t width : {5, 16, 128, 193})
    expect_equal(
        [](const Tensors& t) { return fused_layer_norm(t[0], t[1], t[2], 1e-3); },
        [](const Tensors& t) { return at::layer_norm(t[0], {t[0].size(-1)}, t[1], t[2], 1e-3); },
        {normal({2, 65, width}) + 3, normal({width}), normal({width})});
}

at::Tensor plain_attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
  const std::int64_t images = qkv.size(0), tokens = qkv.size(1), width = qkv.size(2) / 3;
  const at::Tensor parts =
      qkv.view({images, tokens, 3, heads, width / heads}).permute({2, 0, 3, 1, 4});
  const at::Tensor scores = at::matmul(parts[0].narrow(2, 0, queries), parts[1].transpose(2, 3)) /
                            std::sqrt(static_cast<double>(width / heads));
  return at::matmul(at::softmax(scores, -1), parts[2])
      .transpose(1, 2)
      .reshape({images, queries, width});
}

TEST(FusedAttention, EqualsSoftmaxAttention) {
  struct Case {
    std::int64_t tokens, heads, width, queries;
  };
  for (const Case& c :
       {Case{65, 4, 128, 65}, Case{5, 1, 3, 5}, Case{65, 2, 10, 1}, Case{197, 3, 48, 197}})
    expect_equal([&](const Tensors& t) { return fused_attention(t[0], c.heads, c.queries); },
                 [&](const Tensors& t) { return plain_attention(t[0], c.heads, c.queries); },
                 {normal({3, c.tokens, 3 * c.width}) * 2});
}

TEST(FusedConvolution, EqualsConv2d) {
  for (const auto& [size, stride] : {std::pair(1, 2), std::pair(3, 1), std::pair(3, 2)}) {
    const at::Tensor x = normal({5, 20, 4, 3}).contiguous(at::MemoryFormat::ChannelsLast);
    expect_equal([&](const Tensors& t) { return fused_convolution(t[0], t[1], stride); },
                 [&](const Tensors& t) { return at::conv2d(t[0], t[1], {}, stride, size / 2); },
                 {x, normal({40, 20, size, size}).contiguous(at::MemoryFormat::ChannelsLast)});
  }
}

struct NormCase {
  bool live, relu, shortcut;
};

// x, weight, bias, shortcut; running statistics apart from those of the batch.
void expect_batch_norm(const NormCase& c, std::int64_t channels) {
  const auto statistics = [&](at::ScalarType type) {
    return std::pair(at::full({channels}, 0.5, type), at::full({channels}, 2.0, type));
  };
  const auto [mean, variance] = statistics(at::kFloat);
  const auto [plain_mean, plain_variance] = statistics(at::kDouble);
  const Operator fused = [&](const Tensors& t) {
    return fused_batch_norm(t[0], {t[1], t[2], mean, variance}, c.live,
                            c.shortcut ? t[3] : at::Tensor(), c.relu) +
           t[3] * 0;
  };
  const Operator plain = [&](const Tensors& t) {
    at::Tensor y =
        at::batch_norm(t[0], t[1], t[2], plain_mean, plain_variance, c.live, 0.1, 1e-5, false);
    if (c.shortcut) y = y + t[3];
    return (c.relu ? at::relu(y) : y) + t[3] * 0;
  };
  const at::Tensor x = (normal({5, channels, 6, 7}) + 1).contiguous(at::MemoryFormat::ChannelsLast);
  expect_equal(fused, plain,
               {x, normal({channels}), normal({channels}), normal({5, channels, 6, 7})});
  expect_close(mean, plain_mean, "running mean");
  expect_close(variance, plain_variance, "running variance");
}

TEST(FusedBatchNorm, EqualsBatchNormAddRelu) {
  for (const bool live : {false, true})
    for (const bool relu : {false, true})
      for (const bool shortcut : {false, true})
        for (const std::int64_t channels : {3, 64})
          expect_batch_norm({live, relu, shortcut}, channels);
}

TEST(FusedBatchNorm, GivesTheSameWithoutGradients) {
  const at::Tensor x = normal({2, 8, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  const BatchNormTensors norm{normal({8}), normal({8}), normal({8}), at::ones({8})};
  const at::Tensor with = fused_batch_norm(x, norm, false, {}, true);
  const c10::NoGradGuard no_grad;
  EXPECT_TRUE(test::same_bits(with, fused_batch_norm(x.clone(), norm, false, {}, true)));
}

TEST(FusedMaxPool, EqualsMaxPool) {
  for (const std::int64_t size : {7, 8}) {
    // Few distinct values: ties are common, and the first of equals must win as in LibTorch.
    const at::Tensor x = at::randint(0, 5, {3, 20, size, size + 1}, at::kFloat)
                             .contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor a = x.clone().requires_grad_(), b = x.clone().requires_grad_();
    const at::Tensor expected = at::max_pool2d(a, 3, 2, 1), pooled = fused_max_pool(b);
    EXPECT_TRUE(test::same_bits(pooled, expected));
    const at::Tensor gradient = at::randn(expected.sizes());
    expected.backward(gradient);
    pooled.backward(gradient);
    EXPECT_LT(test::largest_difference(a.grad(), b.grad()), 1e-6);
  }
}

void expect_same_bits_for_any_number_of_threads(const Operator& op, const Tensors& inputs) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Outcome one = run(op, inputs, at::kFloat);
  for (const int count : {2, 7}) {
    at::set_num_threads(count);
    const Outcome many = run(op, inputs, at::kFloat);
    EXPECT_TRUE(test::same_bits(one.value, many.value));
    for (std::size_t i = 0; i < inputs.size(); ++i)
      EXPECT_TRUE(test::same_bits(one.gradients[i], many.gradients[i])) << i;
  }
  at::set_num_threads(threads);
}

TEST(FusedOperators, GiveTheSameBitsForAnyNumberOfThreads) {
  expect_same_bits_for_any_number_of_threads(
      [](const Tensors& t) {
        const at::Tensor qkv = fused_linear(fused_layer_norm(t[0], t[1], t[2], 1e-6), t[3], t[4]);
        return fused_gelu_mlp(fused_attention(qkv, 3, 65), {t[5], t[6], t[7], t[8]}, t[0]);
      },
      {normal({5, 65, 48}), normal({48}), normal({48}), normal({144, 48}), normal({144}),
       normal({300, 48}), normal({300}), normal({48, 300}), normal({48})});
}

TEST(FusedOperators, OfPicturesGiveTheSameBitsForAnyNumberOfThreads) {
  const at::Tensor mean = at::full({70}, 0.5), variance = at::ones({70});
  expect_same_bits_for_any_number_of_threads(
      [&](const Tensors& t) {
        const BatchNormTensors norm{t[1], t[2], mean, variance};
        const at::Tensor x = fused_batch_norm(t[0], norm, true, t[0], true);
        return fused_convolution(fused_max_pool(x), t[3], 1);
      },
      {normal({20, 70, 8, 8}), normal({70}), normal({70}), normal({100, 70, 3, 3})});
}

}  // namespace
}  // namespace stockpot
