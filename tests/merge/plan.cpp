#include "stockpot/merge/plan.h"

#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>

#include "stockpot/base/error.h"
#include "stockpot/merge/depth.h"
#include "tests/merge/models.h"

namespace stockpot {
namespace {

using Kind = PlannedTensor::Kind;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

OwnedTensor counter(const std::string& name, std::int64_t value) {
  OwnedTensor tensor{name, Dtype::i64, {}, std::vector<std::byte>(8)};
  std::memcpy(tensor.bytes.data(), &value, sizeof value);
  return tensor;
}

OwnedTensor floats(const std::string& name, const std::vector<float>& values) {
  return make_tensor(name, Dtype::f32, {static_cast<std::int64_t>(values.size())}, values);
}

const PlannedTensor& find(const MergePlan& plan, const std::string& name) {
  for (const PlannedTensor& tensor : plan.tensors)
    if (tensor.output.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

std::string refusal(const std::vector<Checkpoint>& models, const MergeOptions& options = {}) {
  return message_of<FormatError>([&] { plan_merge(models, nullptr, false, options); });
}

class TwoModels : public ::testing::Test {
 protected:
  std::vector<Checkpoint> open(const std::vector<OwnedTensor>& a,
                               const std::vector<OwnedTensor>& b) {
    std::vector<Checkpoint> models;
    models.push_back(files_.open(a));
    models.push_back(files_.open(b));
    return models;
  }
  Models files_;
};

TEST_F(TwoModels, TheFirstGroupThatMatchesDecides) {
  const auto models = open({floats("body.w", {1}), floats("fc.weight", {1})},
                           {floats("body.w", {2}), floats("fc.weight", {2})});
  MergeOptions options;
  options.groups = {parse_group("^fc=take-first", 2), parse_group(".=3:1", 2),
                    parse_group("body=skip", 2)};
  const MergePlan plan = plan_merge(models, nullptr, false, options);
  EXPECT_EQ(find(plan, "fc.weight").kind, Kind::copied);
  EXPECT_EQ(find(plan, "fc.weight").sources.front(), models[0].find("fc.weight"));
  const TensorJob& job = find(plan, "body.w").job;
  ASSERT_EQ(job.weights.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(job.weights[i], job.origin[i] == 0 ? 3 : 1);
}

TEST_F(TwoModels, HeadAndBackboneAreGroupsOfTheirOwn) {
  const auto models = open({floats("body.w", {1}), floats("fc.weight", {1})},
                           {floats("body.w", {2}), floats("fc.weight", {2, 3})});
  MergeOptions options;
  options.groups = {head_rule("skip", 2), backbone_rule("0.25", 2)};
  const MergePlan plan = plan_merge(models, nullptr, false, options);
  ASSERT_EQ(plan.tensors.size(), 1u);
  EXPECT_EQ(plan.tensors[0].job.scale, 0.25);
  ASSERT_EQ(plan.skipped.size(), 1u);
  EXPECT_EQ(plan.skipped[0].first, "fc.weight");
}

TEST(Groups, SayWhatIsWrongWithThem) {
  const auto message = [](const std::string& text) {
    return message_of<UsageError>([&] { parse_group(text, 3); });
  };
  EXPECT_TRUE(contains(message("fc"), "should read REGEX=POLICY"));
  EXPECT_TRUE(contains(message("fc=avrage"), "'avrage' is neither average, take-first"));
  EXPECT_TRUE(contains(message("fc=1:2"), "has 2 weights for 3 models"));
  EXPECT_TRUE(contains(message("(=skip"), "at character 2"));
}

TEST_F(TwoModels, TrapD1_IntegersAreNeverAveragedAndBatchCountersTakeTheLargest) {
  const auto models =
      open({counter("bn.num_batches_tracked", 7)}, {counter("bn.num_batches_tracked", 9)});
  const MergePlan plan = plan_merge(models, nullptr, false, {});
  EXPECT_EQ(plan.tensors[0].kind, Kind::largest);
  EXPECT_EQ(plan.tensors[0].output.dtype, Dtype::i64);
}

TEST_F(TwoModels, OtherIntegersMustAgreeUnlessAPolicyIsGiven) {
  const auto models = open({counter("position_ids", 7)}, {counter("position_ids", 9)});
  EXPECT_TRUE(contains(refusal(models), "integer tensor 'position_ids' (I64 []) differs"));
  MergeOptions options;
  options.integers = IntegerPolicy::first;
  EXPECT_EQ(plan_merge(models, nullptr, false, options).tensors[0].kind, Kind::copied);
  options.integers = IntegerPolicy::max;
  EXPECT_EQ(plan_merge(models, nullptr, false, options).tensors[0].kind, Kind::largest);
}

TEST_F(TwoModels, F05_MissingTensorsAreNamedOrLeftOutOnRequest) {
  const auto models = open({floats("w", {1}), floats("extra", {1})}, {floats("w", {2})});
  EXPECT_TRUE(contains(refusal(models), "tensor 'extra' of ")) << refusal(models);
  EXPECT_TRUE(contains(refusal(models), "is missing (--intersection"));
  MergeOptions options;
  options.intersection = true;
  const MergePlan plan = plan_merge(models, nullptr, false, options);
  EXPECT_EQ(plan.tensors.size(), 1u);
  EXPECT_EQ(plan.skipped.size(), 1u);
}

TEST_F(TwoModels, TrapD10_ShapesThatDifferAreRefusedNamingBoth) {
  const auto models = open({floats("embed", {1, 2, 3})}, {floats("embed", {1, 2})});
  EXPECT_TRUE(contains(refusal(models), "tensor 'embed' is F32 [2], in ")) << refusal(models);
  EXPECT_TRUE(contains(refusal(models), "it is F32 [3]"));
}

TEST_F(TwoModels, FactorsOfLoraAdaptersAreNotAveraged) {
  const auto models = open({floats("base_model.model.q.lora_A.weight", {1})},
                           {floats("base_model.model.q.lora_A.weight", {2})});
  EXPECT_TRUE(contains(refusal(models), "use lora soup, or lora merge first")) << refusal(models);
}

TEST_F(TwoModels, MixedTypesTakeTheWidest) {
  const std::vector<float> values{1};
  const auto type = [&](Dtype a, Dtype b) {
    const auto models =
        open({make_tensor("w", a, {1}, values)}, {make_tensor("w", b, {1}, values)});
    const MergePlan plan = plan_merge(models, nullptr, false, {});
    EXPECT_EQ(plan.notes.size(), a == b ? 0u : 1u);
    return plan.tensors[0].output.dtype;
  };
  EXPECT_EQ(type(Dtype::bf16, Dtype::f32), Dtype::f32);
  EXPECT_EQ(type(Dtype::f64, Dtype::f32), Dtype::f64);
  EXPECT_EQ(type(Dtype::bf16, Dtype::f16), Dtype::f32);  // neither holds the other's values
  EXPECT_EQ(type(Dtype::bf16, Dtype::bf16), Dtype::bf16);
}

TEST_F(TwoModels, A16_SmallFloatsNeedATypeToWriteAndComplexNumbersAreRefused) {
  const OwnedTensor tiny{"w", Dtype::f8_e4m3, {1}, {std::byte{0x38}}};
  const auto small = open({tiny}, {tiny});
  EXPECT_TRUE(contains(refusal(small), "has the type F8_E4M3: say what to write with --dtype"));
  MergeOptions options;
  options.dtype = Dtype::bf16;
  EXPECT_EQ(plan_merge(small, nullptr, false, options).tensors[0].output.dtype, Dtype::bf16);
  const OwnedTensor number{"w", Dtype::c64, {1}, std::vector<std::byte>(8)};
  EXPECT_TRUE(contains(refusal(open({number}, {number}), options),
                       "has the type C64, which is not supported for averaging"));
}

TEST_F(TwoModels, ABaseThatLacksATensorIsNamed) {
  const auto models = open({floats("w", {1})}, {floats("w", {2})});
  const Checkpoint base = files_.open({floats("v", {1})});
  EXPECT_TRUE(contains(message_of<FormatError>([&] { plan_merge(models, &base, true, {}); }),
                       "the base lacks tensor 'w'"));
  EXPECT_TRUE(
      contains(message_of<UsageError>([&] { plan_merge(models, nullptr, true, {}); }), "--base"));
}

TEST(Depth, FollowsTheNumbersOfBlocksNotTheOrderOfNames) {
  const std::vector<std::string> names{"vit.embeddings.cls_token",  "vit.encoder.layer.0.w",
                                       "vit.encoder.layer.2.w",     "vit.encoder.layer.10.w",
                                       "vit.layernorm.weight",      "classifier.weight",
                                       "visual.resblocks.0.weight", "visual.resblocks.1.weight"};
  const std::vector<double> wanted{0, 0, 0.5, 1, 1, 1, 0, 1};
  EXPECT_EQ(depths(names), wanted);
  const std::vector<double> points{0, 1, 0};
  EXPECT_EQ(at_depth(points, 0.25), 0.5);
  EXPECT_EQ(at_depth(points, 1), 0);
}

}  // namespace
}  // namespace stockpot
