#include "stockpot/merge/lora.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/output_place.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/merge/lora_factors.h"
#include "stockpot/merge/lora_fold.h"
#include "stockpot/merge/lora_soup.h"
#include "tests/base/message_of.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {
namespace {

struct Silent : Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

fs::path lora_fixture(const std::string& name) {
  return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/merge/lora" / name;
}

std::vector<LoraAdapter> adapters(const std::vector<std::string>& names) {
  std::vector<LoraAdapter> opened;
  for (const std::string& name : names) opened.push_back(LoraAdapter::open(lora_fixture(name)));
  return opened;
}

// The base with these adapters folded in, written to a file of `folder`.
fs::path folded(const TemporaryFolder& folder, const std::vector<LoraAdapter>& from,
                const LoraFoldOptions& options) {
  const Checkpoint base = Checkpoint::open(lora_fixture("base.safetensors"));
  const LoraFold fold(base, from, options);
  const fs::path file = folder.path() / "folded.safetensors";
  Silent progress;
  write_output(output_place(file, base.path(), std::nullopt, true), fold.plan().outputs, {},
               [&](CheckpointWriter& writer) { fold.write(writer, progress); });
  return file;
}

double largest_difference(const fs::path& ours, const fs::path& theirs) {
  const Checkpoint a = Checkpoint::open(ours), b = Checkpoint::open(theirs);
  EXPECT_EQ(a.tensors().size(), b.tensors().size());
  double largest = 0;
  for (const TensorView& tensor : b.tensors()) {
    const TensorView& mine = a.at(tensor.name);
    EXPECT_EQ(mine.shape, tensor.shape) << tensor.name;
    EXPECT_EQ(mine.dtype, tensor.dtype) << tensor.name;
    const std::vector<float> x = float_values(mine), y = float_values(tensor);
    for (std::size_t i = 0; i < x.size(); ++i)
      largest = std::max(largest, static_cast<double>(std::abs(x[i] - y[i])));
  }
  return largest;
}

// Linear, Conv1D, Embedding, Conv2d, ranks and alphas by pattern, rslora, a head trained whole.
TEST(Lora, MergingEqualsPeftsMergeAndUnload) {
  const TemporaryFolder folder;
  for (const std::string name : {"a", "b", "c"})
    EXPECT_LE(largest_difference(folded(folder, adapters({name}), {.weights = {1}, .dtype = {}}),
                                 lora_fixture("merged_" + name + ".safetensors")),
              5e-7)
        << name;
}

TEST(Lora, TheScalingFollowsPatternsAndRankStabilisation) {
  const LoraAdapter a = LoraAdapter::open(lora_fixture("a"));
  EXPECT_EQ(a.base_model, "tiny-net");
  EXPECT_EQ(a.find("fc")->scaling, 3);  // alpha 6, rank 2
  const LoraAdapter b = LoraAdapter::open(lora_fixture("b"));
  EXPECT_DOUBLE_EQ(b.find("fc")->scaling, 4 / std::sqrt(3));
  EXPECT_DOUBLE_EQ(b.find("square")->scaling, 5 / std::sqrt(4));
  EXPECT_EQ(b.find("c1d"), nullptr);
}

TEST(Lora, AScaleOfZeroLeavesTheBaseButForTensorsTrainedWhole) {
  const TemporaryFolder folder;
  const fs::path file = folded(folder, adapters({"a"}), {.weights = {1}, .scale = 0, .dtype = {}});
  const Checkpoint out = Checkpoint::open(file);
  const Checkpoint base = Checkpoint::open(lora_fixture("base.safetensors"));
  const Checkpoint merged = Checkpoint::open(lora_fixture("merged_a.safetensors"));
  for (const std::string name : {"fc.weight", "emb.weight", "conv.weight"})
    EXPECT_TRUE(std::ranges::equal(out.at(name).bytes, base.at(name).bytes)) << name;
  EXPECT_TRUE(std::ranges::equal(out.at("head.weight").bytes, merged.at("head.weight").bytes));
}

TEST(Lora, FoldingTheSoupEqualsTheMeanOfTheMergedModels) {
  const TemporaryFolder folder;
  EXPECT_LE(
      largest_difference(folded(folder, adapters({"a", "b"}), {.weights = {0.5, 0.5}, .dtype = {}}),
                         lora_fixture("soup.safetensors")),
      5e-7);
}

std::vector<double> product(const LowRank& change) {
  std::vector<double> values(static_cast<std::size_t>(change.left.rows * change.right.columns));
  add_product(change, 0, values);
  return values;
}

TEST(Lora, TheProductFormIsTheMeanOfTheProductsAndNotTheProductOfTheMeans) {
  const OwnedTensor a1 = make_tensor("a1", Dtype::f32, {1, 2}, std::vector<float>{1, 2});
  const OwnedTensor b1 = make_tensor("b1", Dtype::f32, {2, 1}, std::vector<float>{1, 0});
  const OwnedTensor a2 = make_tensor("a2", Dtype::f32, {1, 2}, std::vector<float>{0, 4});
  const OwnedTensor b2 = make_tensor("b2", Dtype::f32, {2, 1}, std::vector<float>{0, 1});
  const TensorView views[] = {a1.view(), b1.view(), a2.view(), b2.view()};
  const LoraModule first{.name = "m", .a = &views[0], .b = &views[1], .rank = 1, .scaling = 2};
  const LoraModule second{.name = "m", .a = &views[2], .b = &views[3], .rank = 1, .scaling = 1};
  const std::vector<LoraTerm> terms{{&first, 0.5}, {&second, 0.5}};
  // (2 B1 A1 + B2 A2) / 2; mean(B) mean(A) would have no zero.
  EXPECT_EQ(product(product_form(terms)), (std::vector<double>{1, 2, 0, 2}));
}

TEST(Lora, TruncationIsTheBestApproximationAndSaysWhatItLost) {
  // diag(3, 4) of rank 2 times orthogonal factors: the best of rank 1 keeps the 4.
  LowRank change{{3, 2, {0.6, -0.8, 0.8, 0.6, 0, 0}}, {2, 2, {3, 0, 0, 4}}};
  const std::vector<double> whole = product(change);
  EXPECT_NEAR(truncate(change, 1), 3.0 / 5, 1e-15);
  EXPECT_EQ(change.rank(), 1);
  const std::vector<double> best{0, -3.2, 0, 2.4, 0, 0};
  const std::vector<double> kept = product(change);
  for (std::size_t i = 0; i < best.size(); ++i) EXPECT_NEAR(kept[i], best[i], 1e-14) << i;
  // Rank enough: nothing changes.
  LowRank same{{3, 2, {0.6, -0.8, 0.8, 0.6, 0, 0}}, {2, 2, {3, 0, 0, 4}}};
  EXPECT_EQ(truncate(same, 2), 0);
  EXPECT_EQ(product(same), whole);
}

TEST(Lora, ARankBeyondTheSizeOfTheWeightIsFilledWithZeros) {
  LowRank change{{1, 3, {1, 2, 3}}, {3, 2, {1, 0, 0, 1, 1, 1}}};
  const std::vector<double> whole = product(change);
  EXPECT_NEAR(truncate(change, 2), 0, 1e-15);
  EXPECT_EQ(change.rank(), 2);
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(product(change)[i], whole[i], 1e-14);
}

// Written as an adapter, opened again and folded: the same mean, whatever ranks and alphas were.
TEST(Lora, TheSoupIsAnAdapterOfItsOwn) {
  const TemporaryFolder folder;
  const std::vector<LoraAdapter> both = adapters({"a", "b"});
  const LoraSoup soup(both, {.weights = {0.5, 0.5}, .rank = {}, .dtype = {}});
  const fs::path out = folder.path() / "soup";
  const auto written = write_output(
      output_place(out, lora_fixture("a"), std::nullopt, false), soup.tensors(), {},
      [&](CheckpointWriter& writer) { EXPECT_TRUE(soup.write(writer).empty()); },
      [&](const fs::path& path) {
        write_file(path / "adapter_config.json", soup.config().dump(2));
      });
  EXPECT_EQ(written.files, std::vector<std::string>{"adapter_model.safetensors"});
  const std::vector<LoraAdapter> again{LoraAdapter::open(out)};
  EXPECT_EQ(again[0].find("fc")->rank, 5);
  EXPECT_EQ(again[0].find("square")->rank, 4);
  EXPECT_EQ(again[0].find("conv")->rank, 2);  // only one adapter has it
  for (const LoraModule& module : again[0].modules) EXPECT_EQ(module.scaling, 1) << module.name;
  EXPECT_LE(largest_difference(folded(folder, again, {.weights = {1}, .dtype = {}}),
                               lora_fixture("soup.safetensors")),
            1e-6);
}

std::string refusal(const std::string& adapter) {
  return message_of<FormatError>([&] { LoraAdapter::open(lora_fixture(adapter)); });
}

TEST(Lora, OtherMethodsAreRefusedByName) {
  EXPECT_EQ(refusal("dora"), lora_fixture("dora/adapter_config.json").string() +
                                 ": use_dora is set: DoRA is not supported; merge this adapter "
                                 "with peft");
  EXPECT_EQ(refusal("ia3"), lora_fixture("ia3/adapter_config.json").string() +
                                ": peft_type is 'IA3'; only LORA can be merged");
}

TEST(Lora, ASquareWeightThatMayLieEitherWayIsRefused) {
  const Checkpoint base = Checkpoint::open(lora_fixture("base.safetensors"));
  const std::vector<LoraAdapter> mixed = adapters({"mixed"});
  const std::string message =
      message_of<FormatError>([&] { LoraFold(base, mixed, {.weights = {1}, .dtype = {}}); });
  EXPECT_NE(message.find("module 'square' changes a square weight"), std::string::npos) << message;
}

TEST(Lora, AdaptersOfDifferentBasesAreRefused) {
  std::vector<LoraAdapter> both = adapters({"a", "b"});
  EXPECT_NO_THROW(require_same_base(both));
  both[1].base_model = "other";
  EXPECT_NE(message_of<UsageError>([&] { require_same_base(both); }).find("'other'"),
            std::string::npos);
}

TEST(Lora, AnAdapterOfAnotherModelIsRefusedNamingTheModule) {
  const TemporaryFolder folder;
  const OwnedTensor other = make_tensor("other.weight", Dtype::f32, {1}, std::vector<float>{1});
  write_safetensors(folder.path() / "m.safetensors", std::vector<TensorView>{other.view()});
  const Checkpoint base = Checkpoint::open(folder.path() / "m.safetensors");
  const std::vector<LoraAdapter> one = adapters({"a"});
  const std::string message =
      message_of<FormatError>([&] { LoraFold(base, one, {.weights = {1}, .dtype = {}}); });
  EXPECT_NE(message.find("changes 3 tensors that the base"), std::string::npos) << message;
  EXPECT_NE(message.find("'conv.weight'"), std::string::npos) << message;
}

}  // namespace
}  // namespace stockpot
