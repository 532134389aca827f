#include "stockpot/train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn_like.h>
#include <gtest/gtest.h>

#include "support.h"

namespace stockpot {
namespace {

// The kernels and LibTorch's operators; PyTorch itself is met in the tests of fit().
TEST(FlatOptimizer, StepsAlikeByKernelsAndByOperators) {
  const at::NoGradGuard no_grad;
  for (const char* name : {"vit-patch16", "resnet18"})
    for (const Optimizer kind : {Optimizer::adamw, Optimizer::sgd, Optimizer::adafactor}) {
      Classifier first = test::load_model(name), second = first.clone();
      FitOptions options;
      options.optimizer = kind;
      options.weight_decay = 0.3;
      options.clip_norm = 2;
      options.layer_decay = 0.8;
      options.nesterov = name[0] == 'r';
      FlatOptimizer kernels(first, options), operators(second, options);
      for (int step = 0; step < 5; ++step) {
        first.flat_gradients().copy_(at::randn_like(first.flat_gradients()));
        second.flat_gradients().copy_(first.flat_gradients());
        EXPECT_NEAR(kernels.gradient_norm().item<double>(),
                    first.flat_gradients().norm().item<double>(), 1e-3);
        kernels.step(0.01, kernels.gradient_norm());
        operators.step_by_operators(0.01, operators.gradient_norm());
      }
      EXPECT_LT(test::largest_difference(first.flat_values(), second.flat_values()), 2e-6);
    }
}

TEST(FlatOptimizer, DoesNotDependOnTheThreads) {
  const at::NoGradGuard no_grad;
  const int before = at::get_num_threads();
  for (const Optimizer kind : {Optimizer::adamw, Optimizer::sgd, Optimizer::adafactor}) {
    std::string results[2];
    for (int threads = 1; threads <= 2; ++threads) {
      at::set_num_threads(threads);
      Classifier model = test::load_model("resnet18");
      FlatOptimizer optimizer(model, {.optimizer = kind, .clip_norm = 1});
      model.flat_gradients().copy_(model.flat_values());
      optimizer.step(0.01, optimizer.gradient_norm());
      results[threads - 1] = test::bits(model);
    }
    EXPECT_EQ(results[0], results[1]);
  }
  at::set_num_threads(before);
}

TEST(FlatOptimizer, DecaysMatricesOnly) {
  const at::NoGradGuard no_grad;
  Classifier model = test::load_model("vit-patch16");
  const Classifier start = model.clone();
  FlatOptimizer optimizer(model, {.weight_decay = 0.5});
  model.zero_gradients();
  optimizer.step(0.1, optimizer.gradient_norm());
  for (std::size_t i = 0; i < model.parameters().size(); ++i) {
    const Parameter& parameter = model.parameters()[i];
    const at::Tensor expected = start.parameters()[i].value * (parameter.decay ? 0.95 : 1);
    EXPECT_LT(test::largest_difference(parameter.value, expected), 1e-7) << parameter.name;
  }
}

TEST(FlatOptimizer, ChangesNoBitAtLearningRateZero) {
  const at::NoGradGuard no_grad;
  for (const Optimizer kind : {Optimizer::adamw, Optimizer::sgd, Optimizer::adafactor}) {
    Classifier model = test::load_model("resnet18");
    model.flat_values().slice(0, 0, 3).fill_(-0.0);
    const std::string before = test::bits(model);
    FlatOptimizer optimizer(model, {.optimizer = kind});
    model.flat_gradients().fill_(1);
    optimizer.step(0, optimizer.gradient_norm());
    EXPECT_EQ(test::bits(model), before);
  }
}

}  // namespace
}  // namespace stockpot
