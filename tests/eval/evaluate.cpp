#include "stockpot/eval/evaluate.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/data/batch.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/model/input.h"

namespace stockpot {
namespace {

fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures"; }

Classifier load_model(const std::string& name) {
  return Classifier::load(ModelFolder::open(fixtures() / "model" / name));
}

ImageDataset load_images() {
  DataSpec spec;
  spec.sources.emplace_back().path = fixtures() / "train/images";
  return ImageDataset::load(spec, LoadOptions{});
}

TEST(Predict, GivesTheLogitsOfEveryRowInOrder) {
  const ImageDataset images = load_images();
  for (const char* name : {"resnet18", "vit-patch16"}) {
    Classifier model = load_model(name);
    const Predictions predictions = predict(model, images, {.batch_size = 7, .loader_threads = 2});
    ASSERT_EQ(predictions.rows(), 20);
    EXPECT_EQ(predictions.classes, 5);
    EXPECT_EQ(predictions.class_names, images.classes());
    EXPECT_EQ(predictions.group_names, images.groups());
    for (std::int64_t i = 0; i < 20; ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_EQ(predictions.ids[at], images.id(i));
      EXPECT_EQ(predictions.labels[at], images.label(i));
      EXPECT_EQ(predictions.groups[at], images.group(i));
      // Each row alone gives what it gave in its batch.
      const std::int64_t row[] = {i};
      const Predictions alone = predict(model, images.subset(row));
      for (std::size_t k = 0; k < 5; ++k)
        EXPECT_NEAR(alone.logits[k], predictions.row(i)[k], 2e-5) << name << " row " << i;
    }
  }
}

// The losses that PyTorch found before its first step: tests/fixtures/train/fit.json.
TEST(Predict, HasTheLossOfPyTorch) {
  const ImageDataset images = load_images();
  const Json runs = Json::read(fixtures() / "train/fit.json");
  int compared = 0;
  for (const Json& run : runs.items()) {
    // Only where the first loss is that of evaluation mode, without smoothing.
    const std::string name = run.find("model")->as_string();
    const bool evaluates = name == "vit-patch16" || run.find("batchnorm")->as_string() == "frozen";
    if (!evaluates || run.find("label_smoothing")->as_number() > 0) continue;
    Classifier model = load_model(name);
    EXPECT_NEAR(negative_log_likelihood(predict(model, images)) /
                    run.find("losses")->items()[0].as_number(),
                1, 2e-6)
        << name;
    ++compared;
  }
  EXPECT_EQ(compared, 2);
}

TEST(Predict, LeavesTheModelAsItWasInEvaluationMode) {
  const ImageDataset images = load_images();
  Classifier model = load_model("resnet18");
  const Predictions before = predict(model, images);
  model.train(BatchNorm::live);
  EXPECT_EQ(predict(model, images).logits, before.logits);
}

TEST(Predict, RefusesAModelWithOtherLabels) {
  const ImageDataset images = load_images();
  Classifier model = load_model("resnet18");
  model.reset_head({"a", "b", "c", "d", "e"}, 0);
  EXPECT_THROW(predict(model, images), UsageError);
}

TEST(Predict, TellsHowFarItIs) {
  const ImageDataset images = load_images();
  Classifier model = load_model("vit-patch16");
  std::vector<std::int64_t> seen;
  EvalOptions options;
  options.batch_size = 8;
  options.on_batch = [&](std::int64_t done, std::int64_t total) {
    seen.push_back(done);
    EXPECT_EQ(total, 20);
  };
  predict(model, images, options);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{8, 16, 20}));
}

TEST(ExtractFeatures, GivesWhatTheHeadTurnsIntoLogits) {
  const ImageDataset images = load_images();
  const at::NoGradGuard no_grad;
  for (const char* name : {"resnet18", "vit-patch16"}) {
    Classifier model = load_model(name);
    const at::Tensor features = extract_features(model, images, {.batch_size = 6});
    ASSERT_EQ(features.sizes(), (at::IntArrayRef{20, model.folder().feature_size}));
    const at::Tensor logits = model.head_logits(features).contiguous();
    const Predictions predictions = predict(model, images);
    for (std::size_t i = 0; i < predictions.logits.size(); ++i)
      EXPECT_NEAR(logits.data_ptr<float>()[i], predictions.logits[i], 2e-5);
  }
}

}  // namespace
}  // namespace stockpot
