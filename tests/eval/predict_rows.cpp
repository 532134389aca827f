#include "stockpot/eval/predict_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stockpot/base/random.h"

namespace stockpot {
namespace {

fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures"; }

ImageDataset load_images() {
  DataSpec spec;
  spec.sources.emplace_back().path = fixtures() / "train/images";
  return ImageDataset::load(spec, LoadOptions{});
}

class PredictRows : public ::testing::TestWithParam<const char*> {};

TEST_P(PredictRows, HardlyDependsOnTheBatch) {
  Classifier model = Classifier::load(ModelFolder::open(fixtures() / "model" / GetParam()));
  const ImageDataset set = load_images();
  model.evaluate();
  const auto classes = set.classes().size();
  const auto n = static_cast<std::size_t>(set.size());
  std::vector<std::int64_t> all(n);
  std::iota(all.begin(), all.end(), std::int64_t{0});
  std::vector<float> whole(n * classes);
  predict_rows(model, set, all, whole);
  EXPECT_EQ(whole, predict(model, set).logits);

  float largest = 0;
  for (const float logit : whole) largest = std::max(largest, std::abs(logit));
  RandomStream random(1, Purpose::test);
  for (int round = 0; round < 12; ++round) {
    std::vector<std::int64_t> order =
        random_order(set.size(), 7, Purpose::test, static_cast<std::uint64_t>(round));
    for (std::size_t at = 0; at < n;) {
      const auto size = std::min<std::size_t>(1 + random.below(9), n - at);
      std::vector<float> logits(size * classes);
      predict_rows(model, set, std::span(order).subspan(at, size), logits);
      for (std::size_t i = 0; i < size; ++i)
        for (std::size_t c = 0; c < classes; ++c)
          EXPECT_NEAR(logits[i * classes + c],
                      whole[static_cast<std::size_t>(order[at + i]) * classes + c], 1e-5 * largest)
              << "row " << order[at + i] << " in a batch of " << size;
      at += size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PredictRows,
                         ::testing::Values("resnet18", "resnet50", "vit-patch16", "vit-no-bias"));

}  // namespace
}  // namespace stockpot
