#include "stockpot/model/classifier.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "support.h"

namespace stockpot {
namespace {

using test::find;
using test::same_bits;

struct Model {
  explicit Model(const std::string& name)
      : classifier(test::load(test::fixture(name))),
        images(
            test::fixture_images(SafetensorsFile(test::fixture(name) / "reference.safetensors"))) {}

  at::Tensor logits() const {
    const c10::NoGradGuard no_grad;
    return classifier.logits(images);
  }

  Classifier classifier;
  at::Tensor images;
};

std::vector<OwnedTensor> buffers(const Classifier& model) {
  std::vector<OwnedTensor> result;
  for (OwnedTensor& tensor : model.state())
    if (tensor.name.find("running_") != std::string::npos || tensor.name.ends_with("_tracked"))
      result.push_back(std::move(tensor));
  return result;
}

bool same(const std::vector<OwnedTensor>& a, const std::vector<OwnedTensor>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const OwnedTensor& x, const OwnedTensor& y) {
        return x.name == y.name && x.dtype == y.dtype && x.shape == y.shape && x.bytes == y.bytes;
      });
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Classifier, KnowsItsLabelsAndFeatures) {
  const Model model("resnet50");
  EXPECT_EQ(model.classifier.labels(),
            (std::vector<std::string>{"bowl", "ladle", "pot", "spoon", "whisk"}));
  EXPECT_TRUE(model.classifier.has_batchnorm());
  EXPECT_EQ(model.classifier.features(model.images).sizes(), at::IntArrayRef({4, 32}));
  EXPECT_FALSE(Model("vit-patch16").classifier.has_batchnorm());
}

TEST(Classifier, SavesWhatItLoadsAgainBitForBit) {
  const test::TemporaryFolder folder;
  for (const char* name : {"vit-patch16", "resnet18"}) {
    Model model(name);
    model.classifier.train(BatchNorm::live);
    model.logits();  // moves the running statistics
    model.classifier.evaluate();
    model.classifier.save(folder / name);
    Model again(name);
    again.classifier = test::load(folder / name);
    EXPECT_TRUE(same(model.classifier.state(), again.classifier.state()));
    EXPECT_TRUE(same_bits(model.logits(), again.logits()));
    EXPECT_THROW(model.classifier.save(folder / name), WriteError) << "never overwrites";
  }
}

TEST(Classifier, SavesANewHeadWithItsLabels) {
  const test::TemporaryFolder folder;
  Model model("resnet18");
  model.classifier.reset_head({"cat", "dog"}, 3);
  model.classifier.save(folder / "saved");
  const Classifier again = test::load(folder / "saved");
  EXPECT_EQ(again.labels(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_TRUE(same(model.classifier.state(), again.state()));
}

TEST(Classifier, DrawsANewHeadFromTheSeed) {
  Model model("resnet50");
  const at::Tensor features = model.classifier.features(model.images);
  std::vector<std::string> labels;
  for (int i = 0; i < 300; ++i) labels.push_back("class " + std::to_string(i));
  model.classifier.reset_head(labels, 7);
  EXPECT_EQ(model.classifier.labels(), labels);
  EXPECT_EQ(model.classifier.folder().labels, labels);
  const at::Tensor weight = test::parameter(model.classifier, "fc.weight").value.detach();
  EXPECT_EQ(weight.sizes(), at::IntArrayRef({300, 32}));
  EXPECT_NEAR(weight.std().item<double>(), 0.01, 3e-4);
  EXPECT_NEAR(weight.mean().item<double>(), 0, 5e-4);
  EXPECT_EQ(test::parameter(model.classifier, "fc.bias").value.abs().max().item<double>(), 0);
  EXPECT_TRUE(same_bits(features, model.classifier.features(model.images)));
  const at::Tensor first = weight.clone();
  model.classifier.reset_head(labels, 8);
  EXPECT_FALSE(same_bits(first, test::parameter(model.classifier, "fc.weight").value));
  model.classifier.reset_head(labels, 7);
  EXPECT_TRUE(same_bits(first, test::parameter(model.classifier, "fc.weight").value));
}

TEST(Classifier, TakesAGivenHead) {
  Model model("vit-patch16");
  model.classifier.set_head({"a", "b"}, at::ones({2, 16}), at::ones({2}));
  const c10::NoGradGuard no_grad;
  const at::Tensor features = model.classifier.features(model.images);
  const at::Tensor expected = features.sum(1).add(1);
  EXPECT_LT(test::largest_difference(model.classifier.head_logits(features).select(1, 1), expected),
            1e-5);
  EXPECT_THROW(model.classifier.set_head({"a"}, at::ones({2, 16}), at::ones({2})),
               std::invalid_argument);
  EXPECT_THROW(model.classifier.reset_head({}, 0), UsageError);
}

TEST(Classifier, FrozenBatchNormTrainsButNeverMoves) {
  Model model("resnet50");
  const at::Tensor evaluated = model.logits();
  const std::vector<OwnedTensor> before = buffers(model.classifier);
  model.classifier.train(BatchNorm::frozen);
  const at::Tensor logits = model.classifier.logits(model.images);
  logits.sum().backward();
  EXPECT_TRUE(same_bits(evaluated, logits));
  EXPECT_TRUE(same(before, buffers(model.classifier)));
  EXPECT_GT(test::parameter(model.classifier, "bn1.weight").value.grad().abs().max().item<double>(),
            0);
}

TEST(Classifier, LiveBatchNormCountsItsBatchesUntilEvaluation) {
  Model model("resnet18");
  const std::string counter = "layer2.0.downsample.1.num_batches_tracked";
  model.classifier.train(BatchNorm::live);
  model.logits();
  model.logits();
  const std::vector<OwnedTensor> moved = buffers(model.classifier);
  EXPECT_EQ(find(moved, counter).dtype, Dtype::i64);
  EXPECT_EQ(test::longs(find(moved, counter).view()).item<std::int64_t>(), 7 + 2);
  model.classifier.evaluate();
  model.logits();
  EXPECT_TRUE(same(moved, buffers(model.classifier)));
}

TEST(Classifier, DropsOutBySeedOnlyWhileTraining) {
  const test::TemporaryFolder folder;
  fs::copy(test::fixture("vit-patch16"), folder / "vit");
  for (const char* key : {"hidden_dropout_prob", "attention_probs_dropout_prob"}) {
    Json config = Json::read(folder / "vit/config.json");
    config.set(key, 0.3);
    write_file(folder / "vit/config.json", config.dump());
  }
  Model model("vit-patch16");
  const at::Tensor without = model.logits();
  model.classifier = test::load(folder / "vit");
  EXPECT_TRUE(same_bits(without, model.logits()));
  model.classifier.train(BatchNorm::frozen, 1);
  const at::Tensor first = model.logits(), second = model.logits();
  EXPECT_FALSE(same_bits(without, first));
  EXPECT_FALSE(same_bits(first, second));
  model.classifier.train(BatchNorm::frozen, 2);
  EXPECT_FALSE(same_bits(first, model.logits()));
  model.classifier.train(BatchNorm::frozen, 1);
  EXPECT_TRUE(same_bits(first, model.logits()));
  const Classifier copy = model.classifier.clone();
  EXPECT_TRUE(same_bits(second, model.logits()));
  EXPECT_TRUE(same_bits(second, copy.logits(model.images)));
  model.classifier.evaluate();
  EXPECT_TRUE(same_bits(without, model.logits()));
}

TEST(Classifier, CloneIsIndependent) {
  Model model("resnet18");
  const at::Tensor before = model.logits();
  Classifier copy = model.classifier.clone();
  {
    const c10::NoGradGuard no_grad;
    copy.flat_values().zero_();
  }
  copy.train(BatchNorm::live);
  copy.logits(model.images).sum().backward();
  EXPECT_TRUE(same_bits(before, model.logits()));
  EXPECT_EQ(model.classifier.flat_gradients().abs().max().item<double>(), 0);
}

TEST(Classifier, CloneIsEqual) {
  Model model("vit-no-bias");
  EXPECT_TRUE(same(model.classifier.state(), model.classifier.clone().state()));
}

TEST(Classifier, LoadsItsStateBack) {
  Model model("resnet18"), other("resnet18");
  {
    const c10::NoGradGuard no_grad;
    other.classifier.flat_values().mul_(0.5);
  }
  const at::Tensor values = other.classifier.flat_values();
  other.classifier.load_state(model.classifier.state());
  EXPECT_TRUE(same_bits(model.logits(), other.logits()));
  EXPECT_EQ(values.data_ptr(), other.classifier.flat_values().data_ptr());
}

TEST(Classifier, RefusesAStateThatDoesNotFitAndStaysAsItWas) {
  Model model("resnet18");
  const std::vector<OwnedTensor> good = model.classifier.state();
  const auto refused = [&](std::vector<OwnedTensor> state) {
    const std::string message = message_of([&] { model.classifier.load_state(state); });
    EXPECT_TRUE(same(good, model.classifier.state()));
    return message;
  };
  std::vector<OwnedTensor> missing(good.begin() + 1, good.end());
  EXPECT_EQ(refused(missing), "tensor 'conv1.weight' of the model is missing from the state");
  std::vector<OwnedTensor> twice = good;
  twice.push_back(good[0]);
  EXPECT_EQ(refused(twice), "tensor 'conv1.weight' is given twice");
  std::vector<OwnedTensor> unknown = good;
  unknown.push_back(make_tensor("bn9.weight", Dtype::f32, {1}, std::vector<float>{1}));
  EXPECT_EQ(refused(unknown), "the model has no tensor 'bn9.weight'");
  std::vector<OwnedTensor> misshapen = good;
  misshapen.back() = make_tensor(good.back().name, Dtype::f32, {3}, std::vector<float>{1, 2, 3});
  EXPECT_EQ(refused(misshapen),
            "tensor '" + good.back().name + "' has shape [3], the model expects []");
}

TEST(Classifier, SaysWhichImageSizeItTakes) {
  const Model model("vit-patch16");
  EXPECT_EQ(message_of([&] {
              model.classifier.logits(at::zeros({1, 3, 48, 48}));
            }),
            "this model takes images of 32 x 32 pixels, not 48 x 48: its position embeddings fix "
            "the size");
  EXPECT_THROW(model.classifier.logits(at::zeros({1, 1, 32, 32})), std::invalid_argument);
}

TEST(Classifier, RecordsNothingForABackboneThatIsNotTrained) {
  for (const char* name : {"vit-patch16", "resnet18"}) {
    Classifier model = test::load(test::fixture(name));
    model.set_trained([](const Parameter& parameter) { return parameter.head; });
    model.train(BatchNorm::live);
    const at::Tensor features = model.features(
        test::fixture_images(SafetensorsFile(test::fixture(name) / "reference.safetensors")));
    EXPECT_FALSE(features.requires_grad());
    model.head_logits(features).sum().backward();
    for (const Parameter& parameter : model.parameters())
      EXPECT_EQ(parameter.value.grad().abs().max().item<float>() > 0, parameter.head)
          << parameter.name;
  }
}

TEST(Classifier, GivesNoGradientsToFrozenBlocks) {
  for (const char* name : {"vit-patch16", "resnet18"}) {
    Classifier model = test::load(test::fixture(name));
    Classifier whole = model.clone();
    const int first = model.blocks();
    model.set_trained([&](const Parameter& parameter) { return parameter.block >= first; });
    const at::Tensor images =
        test::fixture_images(SafetensorsFile(test::fixture(name) / "reference.safetensors"));
    for (Classifier* each : {&model, &whole}) {
      each->train(BatchNorm::frozen);
      each->logits(images).sum().backward();
    }
    for (std::size_t i = 0; i < model.parameters().size(); ++i) {
      const Parameter& parameter = model.parameters()[i];
      const at::Tensor expected = whole.parameters()[i].value.grad();
      if (parameter.block >= first)
        EXPECT_TRUE(test::same_bits(parameter.value.grad(), expected)) << parameter.name;
      else
        EXPECT_EQ(parameter.value.grad().abs().max().item<float>(), 0) << parameter.name;
    }
  }
}

}  // namespace
}  // namespace stockpot
