#include "stockpot/eval/kept_pictures.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "stockpot/model/runtime.h"

namespace stockpot {
namespace {

// A walk over kept pictures gives what the loader gives: rows, labels and the bits of the images.
void expect_walks_alike(at::Device device) {
  DataSpec spec;
  spec.sources.emplace_back().path =
      fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures" / "train/images";
  const ImageDataset set = ImageDataset::load(spec, LoadOptions{});
  Preprocessing preprocessing;
  preprocessing.crop_height = preprocessing.crop_width = 24;
  BatchPlan plan;
  plan.batch_size = 7;
  plan.shuffle = true;
  plan.epoch = 3;
  plan.first_batch = 1;
  const KeptPictures pictures(set, preprocessing, device, 1);
  EXPECT_EQ(pictures.batches(7), (set.size() + 6) / 7);
  BatchLoader loader(set, preprocessing, plan);
  pictures.walk(plan, [&](const Inputs& found) {
    const auto batch = loader.next();
    ASSERT_TRUE(batch);
    const Inputs wanted = to_inputs(*batch, preprocessing, device);
    EXPECT_EQ(found.rows, wanted.rows);
    EXPECT_TRUE(at::equal(found.labels, wanted.labels));
    EXPECT_TRUE(at::equal(found.images, wanted.images));
    EXPECT_EQ(found.images.strides(), wanted.images.strides());
  });
  EXPECT_FALSE(loader.next());
}

TEST(KeptPictures, AreThoseOfTheLoader) { expect_walks_alike(at::kCPU); }

TEST(KeptPictures, AreThoseOfTheLoaderOnAGpu) {
  try {
    expect_walks_alike(parse_device("cuda"));
  } catch (const UsageError&) {
    GTEST_SKIP() << "no CUDA device here";
  }
}

}  // namespace
}  // namespace stockpot
