#include "stockpot/data/batch.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

// 25 pictures in two classes.
struct Small : Scratch {
  Small() {
    for (int i = 0; i < 25; ++i) {
      write((i < 12 ? "set/a/" : "set/b/") + std::to_string(100 + i) + ".png", png(i));
    }
  }
};

Preprocessing square(int size) {
  Preprocessing result;
  result.resize_height = result.resize_width = size;
  result.crop_height = result.crop_width = size;
  return result;
}

std::vector<Batch> all(const ImageDataset& set, const BatchPlan& plan) {
  BatchLoader loader(set, square(3), plan);
  std::vector<Batch> batches;
  while (auto batch = loader.next()) batches.push_back(std::move(*batch));
  EXPECT_EQ(static_cast<std::int64_t>(batches.size()), loader.batches());
  EXPECT_FALSE(loader.next());
  return batches;
}

TEST(Batches, HoldPreparedPicturesInTheOrderOfTheSet) {
  const Small small;
  const ImageDataset set = load(small / "set");
  BatchPlan plan;
  plan.batch_size = 10;
  const std::vector<Batch> batches = all(set, plan);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[2].size, 5);
  EXPECT_EQ(batches[2].indices, (std::vector<std::int64_t>{20, 21, 22, 23, 24}));
  EXPECT_EQ(batches[1].labels, (std::vector<std::int64_t>{0, 0, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(batches[0].pixels.size(), 10u * 3 * 3 * 3);
  const Image expected = prepare(picture(21), square(3));
  EXPECT_TRUE(std::equal(expected.rgb.begin(), expected.rgb.end(), batches[2].pixels.begin() + 27));
}

TEST(Batches, LeaveOutAnIncompleteBatchWhenAsked) {
  const Small small;
  BatchPlan plan;
  plan.batch_size = 10;
  plan.drop_last = true;
  EXPECT_EQ(all(load(small / "set"), plan).size(), 2u);
  plan.batch_size = 26;
  EXPECT_EQ(all(load(small / "set"), plan).size(), 0u);
}

TEST(Batches, AreShuffledBySeedAndEpoch) {
  const Small small;
  const ImageDataset set = load(small / "set");
  BatchPlan plan;
  plan.shuffle = true;
  plan.seed = 5;
  plan.epoch = 2;
  const auto order = all(set, plan)[0].indices;
  EXPECT_EQ(order, random_order(25, 5, Purpose::shuffle, 2));
  plan.epoch = 3;
  EXPECT_NE(all(set, plan)[0].indices, order);
}

TEST(Batches, F16_CanStartInTheMiddle) {
  const Small small;
  const ImageDataset set = load(small / "set");
  BatchPlan plan;
  plan.batch_size = 4;
  plan.shuffle = true;
  plan.augmentation = augmentation_preset("strong");
  const std::vector<Batch> whole = all(set, plan);
  ASSERT_EQ(whole.size(), 7u);
  for (const int threads : {0, 1, 4})
    for (const std::int64_t first : {1, 6, 7, 9}) {
      plan.loader_threads = threads;
      plan.first_batch = first;
      BatchLoader loader(set, square(3), plan);
      EXPECT_EQ(loader.batches(), 7);
      for (auto i = static_cast<std::size_t>(first); i < whole.size(); ++i) {
        const auto batch = loader.next();
        ASSERT_TRUE(batch);
        EXPECT_EQ(batch->indices, whole[i].indices);
        EXPECT_EQ(batch->pixels, whole[i].pixels);
      }
      EXPECT_FALSE(loader.next());
    }
  plan.first_batch = -1;
  EXPECT_THROW(BatchLoader(set, square(3), plan), UsageError);
}

TEST(Batches, F16_AreTheSameForAnyNumberOfLoaderThreads) {
  const Small small;
  for (const std::uint64_t budget : {std::uint64_t{1} << 30, std::uint64_t{0}}) {
    const ImageDataset set = load({source(small / "set")}, {{}, budget});
    for (const bool augmented : {false, true}) {
      BatchPlan plan;
      plan.batch_size = 4;
      plan.shuffle = true;
      plan.seed = 11;
      if (augmented) plan.augmentation = augmentation_preset("strong");
      plan.loader_threads = 0;
      const std::vector<Batch> expected = all(set, plan);
      for (const int threads : {1, 2, 4}) {
        plan.loader_threads = threads;
        const std::vector<Batch> batches = all(set, plan);
        ASSERT_EQ(batches.size(), expected.size());
        for (std::size_t i = 0; i < batches.size(); ++i) {
          EXPECT_EQ(batches[i].pixels, expected[i].pixels);
          EXPECT_EQ(batches[i].labels, expected[i].labels);
          EXPECT_EQ(batches[i].indices, expected[i].indices);
        }
      }
    }
  }
}

TEST(Batches, AugmentBySeedEpochAndRowWhateverTheOrder) {
  const Small small;
  const ImageDataset set = load(small / "set");
  BatchPlan plan;
  plan.batch_size = 7;
  plan.shuffle = true;
  plan.augmentation = augmentation_preset("medium");
  plan.seed = 3;
  plan.epoch = 4;
  for (const Batch& batch : all(set, plan)) {
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      const std::int64_t row = batch.indices[i];
      const Image expected =
          augment(*set.image(row), *plan.augmentation, square(3),
                  RandomStream(3, Purpose::augment, 4, static_cast<std::uint64_t>(row)));
      EXPECT_TRUE(std::equal(expected.rgb.begin(), expected.rgb.end(),
                             batch.pixels.begin() + static_cast<std::ptrdiff_t>(27 * i)));
    }
  }
}

TEST(Batches, RethrowAnErrorOfDecodingAtTheBatchThatMeetsIt) {
  const Small small;
  for (const int threads : {0, 1, 3}) {
    small.write("set/b/120.png", png(20));
    const ImageDataset set = load({source(small / "set")}, {{}, 0});
    small.write("set/b/120.png", "changed meanwhile");
    BatchPlan plan;
    plan.batch_size = 8;
    plan.loader_threads = threads;
    BatchLoader loader(set, square(3), plan);
    EXPECT_TRUE(loader.next());
    EXPECT_TRUE(loader.next());
    EXPECT_TRUE(contains(message<FormatError>([&] { loader.next(); }), "120.png"));
    EXPECT_TRUE(contains(message<FormatError>([&] { loader.next(); }), "120.png"));
  }
}

TEST(Batches, CanBeAbandonedAtAnyPoint) {
  const Small small;
  const ImageDataset set = load(small / "set");
  for (int taken = 0; taken < 25; ++taken) {
    BatchPlan plan;
    plan.batch_size = 1 + taken % 3;
    plan.loader_threads = 1 + taken % 4;
    BatchLoader loader(set, square(3), plan);
    for (int i = 0; i < taken / 3; ++i) loader.next();
  }
}

TEST(Batches, MakeOnlyAPartWhereAsked) {
  const Small small;
  const ImageDataset set = load(small / "set");
  BatchPlan plan;
  plan.batch_size = 8;  // 8, 8, 8 and 1
  plan.shuffle = true;
  const std::vector<Batch> whole = all(set, plan);
  // Every other row, from the second on: none of the last batch.
  plan.part = [](std::int64_t rows) {
    std::vector<std::int64_t> odd;
    for (std::int64_t row = 1; row < rows; row += 2) odd.push_back(row);
    return odd;
  };
  for (const int threads : {0, 1, 3}) {
    plan.loader_threads = threads;
    const std::vector<Batch> parts = all(set, plan);
    ASSERT_EQ(parts.size(), 4u);
    EXPECT_EQ(parts[3].size, 0);
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_EQ(parts[k].whole, whole[k].size);
      for (std::size_t i = 0; i < parts[k].positions.size(); ++i) {
        EXPECT_EQ(parts[k].indices[i], whole[k].indices[2 * i + 1]);
        EXPECT_EQ(parts[k].labels[i], whole[k].labels[2 * i + 1]);
        EXPECT_TRUE(
            std::equal(parts[k].pixels.begin() + static_cast<std::ptrdiff_t>(27 * i),
                       parts[k].pixels.begin() + static_cast<std::ptrdiff_t>(27 * (i + 1)),
                       whole[k].pixels.begin() + static_cast<std::ptrdiff_t>(27 * (2 * i + 1))));
      }
    }
  }
}

TEST(Batches, RefuseImpossiblePlans) {
  const Small small;
  const ImageDataset set = load(small / "set");
  BatchPlan plan;
  plan.batch_size = 0;
  EXPECT_THROW(BatchLoader(set, square(3), plan), UsageError);
  plan = {};
  plan.loader_threads = -1;
  EXPECT_THROW(BatchLoader(set, square(3), plan), UsageError);
}

}  // namespace
}  // namespace stockpot
