// Ingredients as differences on the device against those in files. The operators are the same on
// every device.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/learned/mix_memory.h"
#include "tests/learned/three_models.h"

namespace stockpot {
namespace {

class MixOnDevice : public testing::TestWithParam<Keep> {
 protected:
  MixOnDevice()
      : model(Classifier::load(models.folders.front())),
        mixed(mixed_tensors(models.plan, model, Rows::block)),
        ingredients(mixed.tensors, mixed.rows.names.size()) {
    for (std::size_t row = 0; row < ingredients.groups(); ++row)
      alpha.insert(alpha.end(), {0.2, 0.9, 0.1 * static_cast<double>(row % 3)});
  }

  test::NearModels models{"resnet18"};
  Classifier model;
  MixedTensors mixed;
  Ingredients ingredients;
  std::vector<double> alpha;
};

TEST_P(MixOnDevice, MixesAndMultipliesAsTheFilesDo) {
  const auto files = mix_from_files(mixed, ingredients);
  const auto device = mix_on_device(mixed, ingredients, GetParam());
  // Of the differences between models: half a unit of bf16; half a step of 255.
  const double rounding = GetParam() == Keep::bf16 ? 1.0 / 256 : 1.0 / 127;
  files->mix(alpha);
  std::vector<at::Tensor> exact;
  for (const Slot& slot : mixed.slots) exact.push_back(slot.value.clone());
  device->mix(alpha);
  double size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double largest = exact[i].abs().max().item<double>();
    const double error = (mixed.slots[i].value - exact[i]).abs().max().item<double>();
    // The models differ from their mean by a quarter at most.
    EXPECT_LE(error, 0.3 * rounding * largest + 1e-6) << ingredients.tensors()[i].name;
  }
  for (const Slot& slot : mixed.slots) {
    slot.gradient.copy_(at::sin(at::arange(slot.gradient.numel()).to(at::kFloat)));
    size += slot.gradient.pow(2).sum().item<double>();
  }
  const std::vector<double> wanted = files->products(), found = device->products();
  ASSERT_EQ(wanted.size(), found.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(found[i], wanted[i], 0.02 * rounding * size + 1e-4) << i;
}

INSTANTIATE_TEST_SUITE_P(All, MixOnDevice, testing::Values(Keep::bf16, Keep::int8),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST(Keep, FilesAreReadOnTheCpu) {
  const test::NearModels models("resnet18");
  MixedModel model(models.folders.front(), models.plan, {});
  EXPECT_EQ(model.keep(), Keep::files);
}

}  // namespace
}  // namespace stockpot
