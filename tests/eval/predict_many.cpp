#include "stockpot/eval/predict_many.h"

#include <gtest/gtest.h>

namespace stockpot {
namespace {

fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures"; }

TEST(PredictMany, SaysOfEachModelThatIsWantedWhatPredictSays) {
  DataSpec spec;
  spec.sources.emplace_back().path = fixtures() / "train/images";
  const ImageDataset set = ImageDataset::load(spec, LoadOptions{});
  std::vector<Classifier> models;
  for (int i = 0; i < 3; ++i) {
    models.push_back(Classifier::load(ModelFolder::open(fixtures() / "model" / "resnet18")));
    models.back().parameters().front().value.detach().mul_(1 + i);
  }
  EvalOptions options;
  options.batch_size = 7;
  std::int64_t last = 0;
  options.on_batch = [&](std::int64_t done, std::int64_t) { last = done; };
  const auto found = predict_many(models, set, options, {true, false, true});
  EXPECT_EQ(last, set.size());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_FALSE(found[1]);
  for (const std::size_t m : {0, 2}) {
    ASSERT_TRUE(found[m]);
    const Predictions expected = predict(models[m], set, options);
    EXPECT_EQ(found[m]->logits, expected.logits);
    EXPECT_EQ(found[m]->arithmetic, expected.arithmetic);
    EXPECT_TRUE(same_rows(*found[m], expected));
  }
  EXPECT_NE(found[0]->logits, found[2]->logits);
}

}  // namespace
}  // namespace stockpot
