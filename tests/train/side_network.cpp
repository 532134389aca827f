// Side-tuning against its definition.
#include "stockpot/model/side_network.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/train/fit.h"
#include "support.h"

namespace stockpot {
namespace {

using test::bits;
using test::load_images;
using test::load_model;

constexpr const char* kModels[] = {"resnet18", "vit-patch16"};

std::map<std::string, std::string> tensors_of(const Classifier& model) {
  std::map<std::string, std::string> all;
  for (const OwnedTensor& tensor : model.state())
    all[tensor.name] = {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
  return all;
}

Classifier side_tuned(const std::string& name, std::uint64_t seed) {
  Classifier model = load_model(name);
  model.add_side_network(seed);
  return model;
}

// The side network alone, as a model of its own.
Classifier side_of(const Classifier& model, const std::string& name) {
  Classifier alone = load_model(name);
  std::vector<OwnedTensor> state;
  for (OwnedTensor tensor : model.state()) {
    const bool side = tensor.name.starts_with(kSidePrefix);
    const bool head =
        tensor.name == model.folder().head_weight || tensor.name == model.folder().head_bias;
    if (!side && !head) continue;
    if (side) tensor.name = tensor.name.substr(std::string(kSidePrefix).size());
    state.push_back(std::move(tensor));
  }
  alone.load_state(state);
  return alone;
}

FitOptions brief() {
  FitOptions options;
  options.epochs = 2;
  options.batch_size = 8;
  options.learning_rate = 1e-2;
  return options;
}

TEST(SideTuning, AddsTheFeaturesOfBothNetworks) {
  const at::NoGradGuard no_grad;
  for (const char* name : kModels) {
    const Classifier plain = load_model(name), both = side_tuned(name, 3);
    const std::int64_t side = plain.folder().preprocessing.crop_height;
    const at::Tensor images = at::rand({3, 3, side, side});
    const at::Tensor sum = plain.features(images) + side_of(both, name).features(images);
    EXPECT_LT(test::largest_difference(both.features(images), sum), 1e-5) << name;
    EXPECT_TRUE(test::same_bits(both.features_and_layers(images).first, both.features(images)));
    EXPECT_EQ(both.features_and_layers(images).second.size(),
              static_cast<std::size_t>(both.blocks() + 1));
  }
}

TEST(SideTuning, DrawsTheSideNetworkFromTheSeed) {
  EXPECT_EQ(bits(side_tuned("resnet18", 1)), bits(side_tuned("resnet18", 1)));
  EXPECT_NE(bits(side_tuned("resnet18", 1)), bits(side_tuned("resnet18", 2)));
}

TEST(SideTuning, TrainsTheSideNetworkAndTheHeadAlone) {
  const ImageDataset images = load_images();
  for (const char* name : kModels)
    for (const BatchNorm policy : {BatchNorm::live, BatchNorm::frozen}) {
      Classifier model = side_tuned(name, 1);
      model.reset_head(images.classes(), 1);
      const auto before = tensors_of(model);
      FitOptions options = brief();
      options.batchnorm = policy;
      options.weight_decay = 0.1;
      fit(model, images, HeldOut{images}, options);
      std::size_t moved = 0;
      for (const auto& [tensor, value] : tensors_of(model)) {
        const bool head =
            tensor == model.folder().head_weight || tensor == model.folder().head_bias;
        if (tensor.starts_with(kSidePrefix) || head)
          moved += value != before.at(tensor);
        else
          EXPECT_EQ(value, before.at(tensor)) << tensor;  // weights and running statistics
      }
      EXPECT_GT(moved, 10u);
    }
}

TEST(SideTuning, IsOneModelFolderThatEvaluationOpens) {
  const ImageDataset images = load_images();
  for (const char* name : kModels) {
    Classifier model = side_tuned(name, 1);
    model.reset_head(images.classes(), 1);
    const fs::path folder = fs::path(::testing::TempDir()) / (std::string("side-") + name);
    fs::remove_all(folder);
    model.save(folder);
    Classifier read = Classifier::load(ModelFolder::open(folder));
    EXPECT_TRUE(read.folder().side_network);
    EXPECT_EQ(bits(read), bits(model));
    EXPECT_EQ(predict(read, images).logits, predict(model, images).logits);
    EXPECT_THROW(read.add_side_network(1), UsageError);
    fs::remove_all(folder);
  }
}

}  // namespace
}  // namespace stockpot
