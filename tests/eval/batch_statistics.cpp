#include "stockpot/eval/batch_statistics.h"

#include <gtest/gtest.h>

#include "stockpot/base/json.h"

namespace stockpot {
namespace {

fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures"; }

ImageDataset load_images() {
  DataSpec spec;
  spec.sources.emplace_back().path = fixtures() / "train/images";
  return ImageDataset::load(spec, LoadOptions{});
}

TEST(BatchStatistics, AreThoseOfUpdateBn) {
  const Json reference = Json::read(fixtures() / "eval/batch_statistics.json");
  const ImageDataset set = load_images();
  ASSERT_EQ(set.size(), reference.find("pictures")->as_integer());
  Classifier model = Classifier::load(ModelFolder::open(fixtures() / "model/resnet18"));
  recompute_batch_statistics(model, set, {.batch_size = 7});
  int compared = 0;
  for (const OwnedTensor& tensor : model.state()) {
    const Json* expected = reference.find("buffers")->find(tensor.name);
    if (expected == nullptr) continue;
    ++compared;
    if (tensor.dtype == Dtype::i64) {
      std::vector<double> count(1);
      read_values(tensor.view(), count);
      EXPECT_EQ(count[0], expected->as_number()) << tensor.name;
      continue;
    }
    ASSERT_EQ(tensor.dtype, Dtype::f32) << tensor.name;
    std::vector<double> values(expected->items().size());
    read_values(tensor.view(), values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double want = expected->items()[i].as_number();
      EXPECT_NEAR(values[i], want, 2e-5 * (1 + std::abs(want))) << tensor.name << " " << i;
    }
  }
  EXPECT_EQ(compared, 63);
}

TEST(BatchStatistics, LeaveEvaluationModeAndWeightsAlone) {
  const ImageDataset set = load_images();
  Classifier model = Classifier::load(ModelFolder::open(fixtures() / "model/resnet18"));
  const Classifier before = model.clone();
  recompute_batch_statistics(model, set);
  EXPECT_TRUE(model.flat_values().equal(before.flat_values()));
  // A second pass sees nothing of the first one, and evaluation changes no statistics.
  const Predictions once = predict(model, set);
  recompute_batch_statistics(model, set);
  EXPECT_EQ(predict(model, set).logits, once.logits);
}

TEST(BatchStatistics, ModelsWithoutBatchNormStayAsTheyAre) {
  Classifier model = Classifier::load(ModelFolder::open(fixtures() / "model/vit-patch16"));
  const ImageDataset set = load_images();
  const Predictions before = predict(model, set);
  recompute_batch_statistics(model, set);
  EXPECT_EQ(predict(model, set).logits, before.logits);
}

}  // namespace
}  // namespace stockpot
