#include "stockpot/checkpoint/convert.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/output_place.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

struct Silent : Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

ConversionPlan converted(const fs::path& from, const fs::path& to,
                         std::optional<Dtype> dtype = std::nullopt) {
  const Checkpoint source = Checkpoint::open(from);
  const OutputPlace place = output_place(to, from, std::nullopt, true);
  const ConversionPlan plan = plan_conversion(source, dtype, place.container);
  Silent progress;
  write_output(place, plan.outputs, {},
               [&](CheckpointWriter& writer) { convert(plan, from, writer, progress); });
  return plan;
}

fs::path file_of(const TemporaryFolder& folder, const std::vector<OwnedTensor>& tensors) {
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  write_safetensors(folder.path() / "in.safetensors", views);
  return folder.path() / "in.safetensors";
}

OwnedTensor values(const std::string& name, const std::vector<float>& numbers) {
  return make_tensor(name, Dtype::f32, {static_cast<std::int64_t>(numbers.size())}, numbers);
}

TEST(Convert, ToTorchAndBackGivesTheSameFile) {
  const TemporaryFolder folder;
  std::vector<float> many(600'000);  // several blocks
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) * 0.37f;
  const fs::path in = file_of(folder, {values("many", many),
                                       values("few", {1, -0.0f}),
                                       {"n", Dtype::i64, {1}, std::vector<std::byte>(8)}});
  converted(in, folder.path() / "a.pt");
  converted(folder.path() / "a.pt", folder.path() / "back.safetensors");
  EXPECT_EQ(read_file(folder.path() / "back.safetensors"), read_file(in));
}

TEST(Convert, TheNumberOfThreadsChangesNoByte) {
  const TemporaryFolder folder;
  std::vector<float> many(1'000'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = std::sin(static_cast<float>(i));
  const fs::path in = file_of(folder, {values("many", many)});
  const int before = threads();
  set_threads(1);
  converted(in, folder.path() / "one.bin", Dtype::bf16);
  set_threads(7);
  fs::create_directory(folder.path() / "x");
  converted(in, folder.path() / "x/one.bin", Dtype::bf16);
  set_threads(before);
  EXPECT_EQ(read_file(folder.path() / "x/one.bin"), read_file(folder.path() / "one.bin"));
}

TEST(Convert, TellsTheHashesOfWhatItReadAndWrote) {
  const TemporaryFolder folder;
  std::vector<float> many(300'000);  // more than one block
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) * 0.37f;
  const fs::path in = file_of(folder, {values("many", many), values("one", {1})});
  const fs::path out = folder.path() / "out.pt";
  const Checkpoint source = Checkpoint::open(in);
  for (const std::optional<Dtype> dtype : {std::optional<Dtype>(), std::optional(Dtype::bf16)}) {
    const ConversionPlan plan = plan_conversion(source, dtype, Container::torch);
    Silent progress;
    ConversionHashes hashes;
    write_output(output_place(out, in, std::nullopt, true), plan.outputs, {},
                 [&](CheckpointWriter& writer) { hashes = convert(plan, in, writer, progress); });
    EXPECT_EQ(hashes.source, content_hash(source));
    EXPECT_EQ(hashes.output, content_hash(Checkpoint::open(out)));
  }
}

TEST(Convert, FloatsAreRoundedToNearestEvenAndIntegersKept) {
  const TemporaryFolder folder;
  const fs::path in = file_of(folder, {values("w", {1.0f + 0x1p-8f, 1.0f + 3 * 0x1p-8f, -0.0f}),
                                       {"n", Dtype::i32, {1}, std::vector<std::byte>(4)}});
  const ConversionPlan plan = converted(in, folder.path() / "out.safetensors", Dtype::bf16);
  EXPECT_EQ(plan.converted, 1u);
  const Checkpoint out = Checkpoint::open(folder.path() / "out.safetensors");
  EXPECT_EQ(out.at("w").dtype, Dtype::bf16);
  EXPECT_EQ(float_values(out.at("w")), (std::vector<float>{1.0f, 1.0f + 0x1p-6f, -0.0f}));
  EXPECT_TRUE(std::signbit(float_values(out.at("w"))[2]));
  EXPECT_EQ(out.at("n").dtype, Dtype::i32);
}

TEST(Convert, AValueTooLargeForTheTypeIsAnErrorAndLeavesNoFile) {
  const TemporaryFolder folder;
  const fs::path in = file_of(folder, {values("w", {1, 65520})});
  EXPECT_EQ(message_of<FormatError>(
                [&] { converted(in, folder.path() / "out.safetensors", Dtype::f16); }),
            in.string() +
                ": tensor 'w' holds 65520 (element 1), too large for F16; choose a type of more "
                "range, such as bf16 or f32");
  EXPECT_EQ(folder.count(), 1u);
  converted(file_of(folder, {values("w", {INFINITY, 65519})}), folder.path() / "out.safetensors",
            Dtype::f16);
  const Checkpoint out = Checkpoint::open(folder.path() / "out.safetensors");
  EXPECT_EQ(float_values(out.at("w")), (std::vector<float>{INFINITY, 65504}));
}

TEST(Convert, TiesStayTiesInTorchFilesAndAreWrittenInFullInSafetensors) {
  const TemporaryFolder folder;
  const fs::path every = fixture("written/every_dtype.pt");
  const ConversionPlan torch = converted(every, folder.path() / "again.pt");
  EXPECT_EQ(torch.tied, 2u);
  const Checkpoint again = Checkpoint::open(folder.path() / "again.pt");
  EXPECT_EQ(again.at("tied").bytes.data(), again.at("float32").bytes.data());
  const ConversionPlan plain = converted(every, folder.path() / "full.safetensors");
  ASSERT_EQ(plain.notes.size(), 1u);
  EXPECT_PRED2(contains, plain.notes[0], "2 tied tensors are written in full");
  const Checkpoint full = Checkpoint::open(folder.path() / "full.safetensors");
  EXPECT_NE(full.at("tied").bytes.data(), full.at("float32").bytes.data());
  EXPECT_EQ(float_values(full.at("tied")), float_values(full.at("float32")));
}

TEST(OutputPlace, TheNameDecidesAndContradictionsAreRefused) {
  const TemporaryFolder folder;
  const fs::path here = folder.path();
  EXPECT_FALSE(output_place(here / "m.pth", {}, std::nullopt, false).folder);
  EXPECT_EQ(output_place(here / "m.bin", {}, std::nullopt, false).container, Container::torch);
  for (const char* name : {"m.ckpt", "m.th", "m.PTH.tar"}) {
    EXPECT_FALSE(output_place(here / name, {}, std::nullopt, false).folder) << name;
  }
  const OutputPlace place = output_place(here / "vit-1.5", {}, Container::torch, false);
  EXPECT_TRUE(place.folder);
  EXPECT_EQ(place.weights, "pytorch_model.bin");
  EXPECT_PRED2(contains, message_of<UsageError>([&] {
                 output_place(here / "m.pt", {}, Container::safetensors, false);
               }),
               "contradict");
  folder.put("m.pt", "old");
  EXPECT_PRED2(contains, message_of<UsageError>([&] {
                 output_place(here / "m.pt", {}, std::nullopt, false);
               }),
               "exists already; --overwrite replaces it");
  EXPECT_NO_THROW(output_place(here / "m.pt", {}, std::nullopt, true));
}

TEST(CompanionFiles, AreTheSmallFilesThatAreNeitherWeightsNorTrainingState) {
  const TemporaryFolder folder;
  for (const char* name :
       {"config.json", "tokenizer.json", "merges.txt", "README.md", "LICENSE", "spiece.model",
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "tf_model.h5",
        "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin",
        "trainer_state.json", ".gitattributes", "stockpot.json"})
    folder.put(name, "x");
  fs::create_directory(folder.path() / "runs");
  const CompanionFiles found = companion_files(folder.path());
  EXPECT_EQ(found.names,
            (std::vector<std::string>{"LICENSE", "README.md", "config.json", "merges.txt",
                                      "spiece.model", "tokenizer.json"}));
  EXPECT_EQ(found.left_out.size(), 8u);
  EXPECT_EQ(found.left_out[0], ".gitattributes (hidden)");
  EXPECT_TRUE(companion_files(folder.path() / "config.json").names.empty());
}

TEST(CompanionFiles, LinksOfTheHubsCacheAreFollowed) {
  const TemporaryFolder folder;
  folder.put("blob", "{}");
  fs::create_directory(folder.path() / "snapshot");
  fs::create_symlink("../blob", folder.path() / "snapshot/config.json");
  fs::create_directory(folder.path() / "out");
  const CompanionFiles found = companion_files(folder.path() / "snapshot");
  copy_companion_files(folder.path() / "snapshot", found, folder.path() / "out");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder.path() / "out/config.json")));
  EXPECT_EQ(read_file(folder.path() / "out/config.json"), "{}");
}

}  // namespace
}  // namespace stockpot
