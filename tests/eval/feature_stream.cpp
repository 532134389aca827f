#include "stockpot/eval/feature_stream.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stockpot {
namespace {

fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures"; }

TEST(FeatureStream, GivesEveryModelsFeaturesInTheSetsOrder) {
  DataSpec spec;
  spec.sources.emplace_back().path = fixtures() / "train/images";
  const ImageDataset set = ImageDataset::load(spec, LoadOptions{});
  std::vector<Classifier> models;
  models.push_back(Classifier::load(ModelFolder::open(fixtures() / "model" / "resnet18")));
  models.push_back(models.front().clone());
  models.back().parameters().front().value.detach().mul_(1.5);
  EvalOptions options;
  options.batch_size = 7;
  const at::Tensor expected[] = {extract_features(models[0], set, options),
                                 extract_features(models[1], set, options)};

  std::vector<std::int64_t> labels;
  std::vector<float> found[2];
  std::int64_t last = 0;
  options.on_batch = [&](std::int64_t done, std::int64_t) { last = done; };
  stream_features(models, set, options, [&](const FeatureBatch& batch) {
    labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
    for (std::size_t m = 0; m < 2; ++m)
      found[m].insert(found[m].end(), batch.features[m].begin(), batch.features[m].end());
  });
  EXPECT_EQ(last, set.size());
  ASSERT_EQ(labels.size(), static_cast<std::size_t>(set.size()));
  for (std::int64_t i = 0; i < set.size(); ++i)
    EXPECT_EQ(labels[static_cast<std::size_t>(i)], set.label(i));
  for (std::size_t m = 0; m < 2; ++m) {
    const float* first = expected[m].data_ptr<float>();
    EXPECT_EQ(found[m], std::vector<float>(first, first + expected[m].numel()));
  }
  EXPECT_NE(found[0], found[1]);
}

TEST(FeatureStream, GivesTheLayersBelowTheFeaturesWhenAsked) {
  DataSpec spec;
  spec.sources.emplace_back().path = fixtures() / "train/images";
  const ImageDataset set = ImageDataset::load(spec, LoadOptions{});
  std::vector<Classifier> models;
  models.push_back(Classifier::load(ModelFolder::open(fixtures() / "model" / "resnet18")));
  EvalOptions options;
  options.batch_size = 7;
  stream_features(models, set, options,
                  [&](const FeatureBatch& batch) {
                    ASSERT_EQ(batch.layers.size(), 1u);
                    ASSERT_EQ(batch.layers[0].size(), 9u);  // stem and eight blocks
                    // The features are the last block's maps, averaged.
                    EXPECT_TRUE(std::ranges::equal(batch.layers[0][8].values, batch.features[0]));
                    EXPECT_EQ(
                        batch.layers[0][0].values.size(),
                        batch.labels.size() * static_cast<std::size_t>(batch.layers[0][0].width));
                  },
                  {.layers = true});
  stream_features(models, set, options,
                  [&](const FeatureBatch& batch) { EXPECT_TRUE(batch.layers.empty()); });
}

}  // namespace
}  // namespace stockpot
