#include "stockpot/landscape/task_angles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/landscape/words.h"
#include "tests/base/message_of.h"
#include "tests/compare/trained.h"

namespace stockpot::landscape {
namespace {

Tensors model(const std::vector<float>& first, const std::vector<float>& second,
              const std::vector<float>& head, std::vector<float> statistics = {0, 0}) {
  return {make_tensor("layers.0.weight", Dtype::f32, {2}, first),
          make_tensor("layers.10.weight", Dtype::f32, {2}, second),
          make_tensor("head.weight", Dtype::f32, {static_cast<std::int64_t>(head.size())}, head),
          make_tensor("bn.running_mean", Dtype::f32, {2}, statistics)};
}

TaskAngles angles_of(const std::vector<Checkpoint>& models, const Checkpoint& base,
                     AngleOptions options = {}) {
  Silent progress;
  return task_angles(models, base, options, progress);
}

class TaskAnglesTest : public testing::Test {
 protected:
  Kitchen kitchen_;
  Checkpoint base_ = kitchen_.open("base", model({1, 0}, {0, 2}, {0, 0}));
  // tau: (3, 0 | 0, 0 | 0, 4) and (0, 1 | 0, 0 | 0, 1).
  std::vector<Checkpoint> models_ = {kitchen_.open("a", model({4, 0}, {0, 2}, {0, 4}, {9, 9})),
                                     kitchen_.open("b", model({1, 1}, {0, 2}, {0, 1}))};
};

TEST_F(TaskAnglesTest, AreThoseOfTheTaskVectors) {
  const TaskAngles angles = angles_of(models_, base_);
  EXPECT_EQ(angles.whole.norm(0), 5);
  EXPECT_EQ(angles.whole.norm(1), std::sqrt(2.0));
  EXPECT_EQ(angles.whole.product(0, 1), 4);
  EXPECT_NEAR(angles.whole.angle(0, 1), std::acos(4 / (5 * std::sqrt(2.0))) * 180 / M_PI, 1e-12);
  EXPECT_NEAR(angles.whole.relative_norm(0), 5 / std::sqrt(5.0), 1e-12);
  EXPECT_EQ(angles.elements, 6);
  // |(1.5, 0.5, 0, 0, 0, 2.5)|.
  EXPECT_NEAR(angles.whole.soup_norm(), std::sqrt(8.75), 1e-12);
}

TEST_F(TaskAnglesTest, ByBlockInTheOrderOfTheLayers) {
  const TaskAngles angles = angles_of(models_, base_);
  ASSERT_EQ(angles.blocks.size(), 3u);
  EXPECT_EQ(angles.blocks[0].name, "head");
  EXPECT_TRUE(angles.blocks[0].head);
  EXPECT_EQ(angles.blocks[1].name, "layers.0");
  EXPECT_EQ(angles.blocks[2].name, "layers.10");
  EXPECT_NEAR(angles.blocks[1].gram.angle(0, 1), 90, 1e-12);
  EXPECT_TRUE(std::isnan(angles.blocks[2].gram.angle(0, 1)));
}

TEST_F(TaskAnglesTest, WithoutTheHeadWhenAskedOrWhenTheBaseHasAnother) {
  AngleOptions without;
  without.head = false;
  const TaskAngles asked = angles_of(models_, base_, without);
  EXPECT_EQ(asked.whole.product(0, 1), 0);
  EXPECT_EQ(asked.notes, std::vector<std::string>{"the head is left out"});
  const Checkpoint other = kitchen_.open("other", model({1, 0}, {0, 2}, {0, 0, 0}));
  const TaskAngles found = angles_of(models_, other);
  EXPECT_EQ(found.whole.product(0, 1), 0);
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_NE(found.notes[0].find("'head.weight'"), std::string::npos);
}

TEST_F(TaskAnglesTest, ModelsThatDoNotFitAreRefusedByName) {
  const auto message = [&](const Checkpoint& second) {
    return message_of<FormatError>([&] {
      angles_of({kitchen_.open("one", model({4, 0}, {0, 2}, {0, 4})), second}, base_);
    });
  };
  EXPECT_NE(message(kitchen_.open("wide", model({4, 0}, {0, 2}, {0, 4, 4})))
                .find("'head.weight' has the shape [3]"),
            std::string::npos);
  EXPECT_NE(message(kitchen_.open("nan", model({NAN, 0}, {0, 2}, {0, 4}))).find("NaN or Inf"),
            std::string::npos);
  Tensors more = model({4, 0}, {0, 2}, {0, 4});
  more.push_back(make_tensor("lora", Dtype::f32, {1}, std::vector<float>{1}));
  EXPECT_NE(message(kitchen_.open("more", more)).find("has no tensor 'lora'"), std::string::npos);
  EXPECT_NE(message_of<UsageError>([&] { angles_of({models_[0]}, base_); }).find("two or more"),
            std::string::npos);
}

TEST(ModelNames, AreThoseOfTheRuns) {
  EXPECT_EQ(model_names({"s/runs/a/model", "s/runs/b/model/", "c"}),
            (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(model_names({"one/x/model", "two/x/model"}),
            (std::vector<std::string>{"one/x", "two/x"}));
}

TEST(ModelPairs, AreAllOrASampleWithoutRepetition) {
  EXPECT_EQ(model_pairs(4, 0, 1).size(), 6u);
  EXPECT_EQ(model_pairs(4, 9, 1).size(), 6u);
  const auto some = model_pairs(20, 30, 1);
  EXPECT_EQ(std::set(some.begin(), some.end()).size(), 30u);
  EXPECT_EQ(some, model_pairs(20, 30, 1));
  EXPECT_NE(some, model_pairs(20, 30, 2));
  for (const auto& [i, j] : some) EXPECT_LT(i, j);
}

TEST(GainStudy, TellsWhetherTheGainGrowsWithTheAngle) {
  std::vector<PairGain> pairs;
  for (int i = 0; i < 5; ++i) pairs.push_back({0, 1, 10.0 * i, {0.01 * i * i, -1.0 * i}});
  const GainStudy study = study_gains({"val", "ood"}, pairs, 10);
  EXPECT_NEAR(study.rank[0], 1, 1e-12);
  EXPECT_NEAR(study.rank[1], -1, 1e-12);
  EXPECT_LT(study.pearson[0], 1);
}

}  // namespace
}  // namespace stockpot::landscape
