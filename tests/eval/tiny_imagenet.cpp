// Real pretrained models on the 10,000 Tiny-ImageNet validation pictures: decoding, resizing,
// normalisation and the networks together give the accuracy that PyTorch measured.
#include <gtest/gtest.h>

#include "stockpot/eval/evaluate.h"
#include "stockpot/metrics/accuracy.h"
#include "tests/base/shared_folder.h"

namespace stockpot {
namespace {

void expect_top1(const std::string& name, double percent) {
  const fs::path model = shared_folder() / "models" / name;
  const fs::path data = shared_folder() / "data" / "tiny_imagenet" / "tin200_val.tar.gz";
  if (!fs::exists(model) || !fs::exists(data))
    GTEST_SKIP() << "the pretrained models and Tiny-ImageNet are not here";
  Classifier classifier = Classifier::load(ModelFolder::open(model));
  DataSpec spec;
  spec.sources.emplace_back();
  spec.sources.back().path = data;
  LoadOptions options;
  options.classes = classifier.labels();
  const Accuracy result = accuracy(predict(classifier, ImageDataset::load(spec, options)));
  EXPECT_EQ(result.total, 10000);
  // Measured by PyTorch under bf16: hence 0.3 points.
  EXPECT_NEAR(100 * result.value(), percent, 0.3);
}

TEST(TinyImageNet, ResNetHasTheAccuracyThatPyTorchMeasured) {
  expect_top1("tin-resnet18w32-64", 45.3);
}

TEST(TinyImageNet, ShardedResNetHasTheAccuracyThatPyTorchMeasured) {
  expect_top1("tin-resnet18-64", 50.9);
}

TEST(TinyImageNet, VitHasTheAccuracyThatPyTorchMeasured) {
  expect_top1("tin-vit-pico-p8-64", 42.4);
}

}  // namespace
}  // namespace stockpot
