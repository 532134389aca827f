#include "stockpot/pipeline/given_head.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "near_models.h"
#include "stockpot/eval/evaluate.h"

namespace stockpot {
namespace {

TEST(GivenHeads, LogitsOfTheUntrainedModelAreItsFeaturesTimesTheMatrix) {
  for (const char* fixture : {"resnet18", "vit-patch16"}) {
    Classifier model = Classifier::load(ModelFolder::open(test_fixtures() / "model" / fixture));
    const std::vector<std::string> classes{"bowl", "ladle", "pot"};
    const std::int64_t features = model.folder().feature_size;
    GivenHead head;
    RandomStream random(3, Purpose::test);
    for (std::int64_t i = 0; i < 3 * features; ++i)
      head.weight.push_back(static_cast<float>(random.normal()));
    head.bias = {0.5F, -1, 2};
    put_head(head, classes, model);
    EXPECT_EQ(model.labels(), classes);

    const ImageDataset pictures = fixture_pictures();
    const at::Tensor rows = extract_features(model, pictures, EvalOptions{});
    const at::Tensor weight = at::tensor(head.weight).reshape({3, features});
    const at::Tensor bias = at::tensor(head.bias);
    for (const Parameter& parameter : model.parameters()) {
      if (!parameter.head) continue;
      EXPECT_TRUE(at::equal(parameter.value, parameter.value.dim() == 2 ? weight : bias));
    }
    const at::Tensor expected =
        at::linear(rows.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
    EXPECT_TRUE(at::allclose(model.head_logits(rows).to(at::kDouble), expected, 1e-6, 1e-5))
        << fixture;
  }
}

}  // namespace
}  // namespace stockpot
