// Stochastic depth as timm has it (tests/fixtures/train/make_features.py).
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/json.h"
#include "stockpot/data/batch.h"
#include "stockpot/model/input.h"
#include "stockpot/model/network.h"
#include "support.h"

namespace stockpot {
namespace {

const Json& cases() {
  static const Json all = Json::read(test::fixtures() / "train/features.json");
  return *all.find("drop_path");
}

// The first picture, as the model takes it.
at::Tensor first_image(const Classifier& model) {
  BatchPlan plan;
  plan.batch_size = 1;
  BatchLoader loader(test::load_images(), model.folder().preprocessing, plan);
  const Batch batch = *loader.next();
  return to_input(batch.pixels, 1, batch.height, batch.width, model.folder().preprocessing,
                  model.device());
}

TEST(DropPath, HasTimmsRates) {
  for (const Json& one : cases().items()) {
    const Classifier model = test::load_model(one.find("model")->as_string());
    const auto& rates = one.find("rates")->items();
    // timm lists the paths of a rate above 0: two a block of the ViT, one of the ResNet.
    const std::size_t paths = model.has_batchnorm() ? 1 : 2;
    ASSERT_EQ(rates.size(), paths * static_cast<std::size_t>(model.blocks() - 1));
    for (std::size_t i = 0; i < rates.size(); ++i)
      EXPECT_NEAR(drop_path_rate(one.find("rate")->as_number(),
                                 static_cast<std::int64_t>(i / paths) + 1, model.blocks()),
                  rates[i].as_number(), 1e-7);
  }
}

// Every row of the fixture is one choice of kept paths: path p is kept in choice c when bit
// (paths - 1 - p) of c is set. Copies of one image choose independently.
TEST(DropPath, GivesTimmsFeaturesForTheChosenPathsAtTimmsRates) {
  const at::NoGradGuard no_grad;
  for (const Json& one : cases().items()) {
    Classifier model = test::load_model(one.find("model")->as_string());
    SCOPED_TRACE(one.find("model")->as_string());
    std::vector<float> values;
    for (const Json& row : one.find("features")->items())
      for (const Json& value : row.items()) values.push_back(static_cast<float>(value.as_number()));
    const auto choices = static_cast<std::int64_t>(one.find("features")->items().size());
    const at::Tensor known = at::tensor(values).view({choices, -1});

    constexpr std::int64_t kCopies = 1000;
    model.train(
        {.batchnorm = BatchNorm::frozen, .seed = 3, .drop_path = one.find("rate")->as_number()});
    const at::Tensor images = first_image(model).expand({kCopies, -1, -1, -1});
    const at::Tensor features = model.features(images);
    const at::Tensor distance = (features.unsqueeze(1) - known.unsqueeze(0)).abs().amax({2});
    EXPECT_LT(distance.amin({1}).max().item<double>(), 2e-4);

    const at::Tensor chosen = distance.argmin(1);
    const auto& rates = one.find("rates")->items();
    for (std::size_t path = 0; path < rates.size(); ++path) {
      std::int64_t dropped = 0;
      for (std::int64_t i = 0; i < kCopies; ++i)
        dropped += (chosen[i].item<std::int64_t>() >> (rates.size() - 1 - path) & 1) == 0;
      const double rate = rates[path].as_number();
      EXPECT_NEAR(static_cast<double>(dropped), kCopies * rate,
                  4 * std::sqrt(kCopies * rate * (1 - rate)))
          << path;
    }
  }
}

TEST(HeadDropout, DropsFeaturesAndScalesUpTheRest) {
  const at::NoGradGuard no_grad;
  Classifier model = test::load_model("vit-patch16");
  const at::Tensor identity = at::eye(16);
  model.set_head(std::vector<std::string>(16, "x"), identity, at::zeros({16}));
  const at::Tensor ones = at::ones({2000, 16});
  model.train({.seed = 4, .head_dropout = 0.25});
  const at::Tensor dropped = model.head_logits(ones);
  EXPECT_TRUE(((dropped == 0) | (dropped - 1 / 0.75).abs().lt(1e-6)).all().item<bool>());
  EXPECT_NEAR(dropped.eq(0).to(at::kFloat).mean().item<double>(), 0.25, 0.01);
  model.train({.seed = 4, .head_dropout = 0.25});
  EXPECT_TRUE(test::same_bits(model.head_logits(ones), dropped));
  model.train({.seed = 5, .head_dropout = 0.25});
  EXPECT_FALSE(test::same_bits(model.head_logits(ones), dropped));
  model.evaluate();
  EXPECT_TRUE(test::same_bits(model.head_logits(ones), ones));
}

}  // namespace
}  // namespace stockpot
