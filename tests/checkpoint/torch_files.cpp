// Files written by torch 1.13 and a current torch, timm, transformers and huggingface_hub.
#include <gtest/gtest.h>

#include "tests/checkpoint/torch_fixtures.h"

namespace stockpot {
namespace {

class TorchFiles : public testing::TestWithParam<const char*> {
 protected:
  static std::string in(const std::string& name) { return GetParam() + ("/" + name); }
  static std::string differs(const std::string& file, const std::string& twin,
                             const OpenOptions& options = {}) {
    return difference(in(file), in(twin + ".safetensors"), options);
  }
  static Checkpoint open(const std::string& name, const OpenOptions& options = {}) {
    return Checkpoint::open(torch_fixture(in(name)), options);
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, TorchFiles, testing::Values("torch-1.13", "torch-2.x"),
                         [](const auto& version) {
                           return version.param[6] == '1' ? "Old" : "Current";
                         });

TEST_P(TorchFiles, EveryTypeIsReadByteForByte) { EXPECT_EQ(differs("dtypes.pt", "dtypes"), ""); }

TEST_P(TorchFiles, ViewsOfAnyStrideAreReadInRowMajorOrder) {
  EXPECT_EQ(differs("views.pt", "views"), "");
  EXPECT_EQ(differs("views.th", "views"), "");
}

TEST_P(TorchFiles, ContiguousTensorsStayInTheMappedFile) {
  const Checkpoint listed = open("views.pt", {.data = false});
  EXPECT_FALSE(listed.at("slice").bytes.empty());
  EXPECT_FALSE(listed.at("whole").bytes.empty());
  EXPECT_TRUE(listed.at("transposed").bytes.empty());
  EXPECT_EQ(listed.bytes(), open("views.pt").bytes());
  // The slice begins 2 rows of 8 floats behind the whole.
  EXPECT_EQ(listed.at("slice").bytes.data() - listed.at("whole").bytes.data(), 2 * 8 * 4);
}

TEST_P(TorchFiles, TiedNamesAreReportedAndShareTheirBytes) {
  const Checkpoint tied = open("tied.pt");
  EXPECT_EQ(differs("tied.pt", "tied"), "");
  EXPECT_EQ(tied.ties(),
            (std::vector<std::vector<std::string>>{
                {"encoder.weight", "decoder.weight"}, {"transposed", "again"}, {"p", "q"}}));
  EXPECT_EQ(tied.at("p").bytes.data(), tied.at("q").bytes.data());
  EXPECT_EQ(tied.at("transposed").bytes.data(), tied.at("again").bytes.data());
}

TEST_P(TorchFiles, TheStreamBeforeTorch16IsRead) {
  EXPECT_EQ(differs("legacy.th", "small"), "");
  const Checkpoint legacy = open("legacy.th");
  EXPECT_EQ(legacy.format(), CheckpointFormat::torch_legacy);
  EXPECT_EQ(legacy.state_key(), "state_dict");
  EXPECT_EQ(legacy.scalars().at("best_prec1"), (StoredScalar{"91.73", 91.73}));
  EXPECT_TRUE(has_note(legacy, "'module.' was taken off 15 names"));
}

TEST_P(TorchFiles, ModulesAreReadInertlyByTheirAttributes) {
  EXPECT_EQ(differs("script.pt", "small"), "");
  EXPECT_EQ(differs("module.pt", "small"), "");
  EXPECT_EQ(open("script.pt").format(), CheckpointFormat::torchscript);
  EXPECT_EQ(open("module.pt").format(), CheckpointFormat::torch_zip);
}

TEST_P(TorchFiles, AStateDictOfAModuleIsRead) { EXPECT_EQ(differs("bare.pth", "small"), ""); }

TEST_P(TorchFiles, AnyProtocolOfPickleIsRead) {
  EXPECT_EQ(differs("protocol.pt", "state-ema"), "");
  EXPECT_EQ(differs("protocol-old.pt", "state"), "");
  EXPECT_EQ(open("protocol.pt").scalars().at("metric").number, 71.25);
}

TEST_P(TorchFiles, TrainingCheckpointsGiveTheAveragedWeightsFirst) {
  EXPECT_EQ(differs("training.pth.tar", "state-ema"), "");
  EXPECT_EQ(differs("training.pth.tar", "state", {.ema = false}), "");
  EXPECT_EQ(differs("training.pth.tar", "state", {.state_key = "state_dict"}), "");
  const Checkpoint training = open("training.pth.tar");
  EXPECT_EQ(training.state_key(), "state_dict_ema");
  EXPECT_TRUE(has_note(training, "other tensors are there too, under 'state_dict'"));
  EXPECT_TRUE(has_note(training, "the tensors are those of 'state_dict_ema'; beside them: "));
}

TEST_P(TorchFiles, MetricsAndTrainingStateAreKeptAsData) {
  const Checkpoint training = open("training.pth.tar");
  const auto& scalars = training.scalars();
  EXPECT_EQ(scalars.at("epoch"), (StoredScalar{"3", 3.0}));
  EXPECT_EQ(scalars.at("arch"), (StoredScalar{"resnet\\x1b18", std::nullopt}));
  EXPECT_EQ(scalars.at("metric"), (StoredScalar{"71.25", 71.25}));
  EXPECT_EQ(scalars.at("best_acc1"), (StoredScalar{"70.5", 70.5}));
  EXPECT_EQ(scalars.at("metrics.loss").text, "0.1");
  EXPECT_EQ(scalars.at("args.lr"), (StoredScalar{"0.125", 0.125}));
  EXPECT_EQ(scalars.at("args.amp"), (StoredScalar{"True", 1.0}));
  EXPECT_EQ(training.dropped(), (std::vector<DroppedEntry>{{"state_dict", "5 tensors"},
                                                           {"optimizer", "a dict of 2"},
                                                           {"args", "a argparse.Namespace"},
                                                           {"metrics", "a dict of 2"}}));
}

TEST_P(TorchFiles, AllGlobalsAreListedAndStrictReadingRefusesStrangers) {
  const auto globals = open("training.pth.tar").pickle_globals();
  EXPECT_TRUE(std::ranges::count(globals, "argparse.Namespace") == 1);
  EXPECT_TRUE(std::ranges::count(globals, "torch._utils._rebuild_tensor_v2") == 1);
  EXPECT_PRED2(contains, opening(torch_fixture(in("training.pth.tar")), {.strict_pickle = true}),
               "classes or functions that are not on the allow-list: 'argparse.Namespace'");
  EXPECT_EQ(differs("legacy.th", "small", {.strict_pickle = true}), "");
  EXPECT_EQ(differs("dtypes.pt", "dtypes", {.strict_pickle = true}), "");
}

TEST(TorchFilesOf, OldTorchWithSourceTextsOfClasses) {
  EXPECT_EQ(difference("torch-1.13/module.th", "torch-1.13/small.safetensors"), "");
}

TEST(TorchFilesOf, LibTorchsOwnArchives) {
  const Checkpoint archive = Checkpoint::open(torch_fixture("torch-1.13/libtorch.pt"));
  const Checkpoint small = Checkpoint::open(torch_fixture("torch-1.13/small.safetensors"));
  EXPECT_EQ(archive.format(), CheckpointFormat::torchscript);
  ASSERT_EQ(archive.tensors().size(), 4u);
  for (const char* name : {"fc.weight", "fc.bias", "scale", "stem.conv.weight"})
    EXPECT_TRUE(std::ranges::equal(archive.at(name).bytes, small.at(name).bytes)) << name;
}

TEST(TorchFilesOf, LightningDinoMocoAndOpenClip) {
  EXPECT_EQ(difference("torch-2.x/lightning.ckpt", "torch-2.x/state.safetensors"), "");
  EXPECT_EQ(difference("torch-2.x/dino.pth", "torch-2.x/state-teacher.safetensors"), "");
  EXPECT_EQ(
      difference("torch-2.x/dino.pth", "torch-2.x/state.safetensors", {.state_key = "student"}),
      "");
  EXPECT_EQ(difference("torch-2.x/moco.pth", "torch-2.x/state.safetensors"), "");
  EXPECT_EQ(difference("torch-2.x/open_clip.pt", "torch-2.x/state.safetensors"), "");
  const Checkpoint lightning = Checkpoint::open(torch_fixture("torch-2.x/lightning.ckpt"));
  EXPECT_EQ(lightning.scalars().at("callbacks.ModelCheckpoint.best_model_score").number, 0.75);
  EXPECT_EQ(lightning.scalars().at("hyper_parameters.lr").number, 0.5);
  EXPECT_TRUE(has_note(Checkpoint::open(torch_fixture("torch-2.x/moco.pth")),
                       "6 tensors outside 'encoder_q.'"));
}

TEST(TorchFilesOf, TimmAndTransformersWithTiesAndShards) {
  EXPECT_EQ(difference("torch-2.x/timm.bin", "torch-2.x/timm.safetensors"), "");
  EXPECT_EQ(difference("torch-2.x/bert.bin", "torch-2.x/bert.safetensors"), "");
  EXPECT_EQ(Checkpoint::open(torch_fixture("torch-2.x/bert.bin")).ties(),
            (std::vector<std::vector<std::string>>{
                {"bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"},
                {"cls.predictions.bias", "cls.predictions.decoder.bias"}}));
  const Checkpoint sharded = Checkpoint::open(torch_fixture("torch-2.x/sharded"));
  const Checkpoint whole = Checkpoint::open(torch_fixture("torch-2.x/bert.safetensors"));
  EXPECT_EQ(sharded.files().size(), 2u);
  EXPECT_EQ(sharded.format(), CheckpointFormat::torch_zip);
  for (const TensorView& tensor : sharded.tensors())
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, whole.at(tensor.name).bytes)) << tensor.name;
  EXPECT_GT(sharded.tensors().size(), 20u);
}

TEST(TorchFilesOf, ParametersAndTensorsWithAttributes) {
  EXPECT_EQ(difference("torch-2.x/marked.pt", "torch-2.x/marked.safetensors"), "");
}

TEST(OpenedByContent, AFileIsWhatItHoldsWhateverItsName) {
  const TemporaryFolder folder;
  fs::copy_file(torch_fixture("torch-2.x/bare.pth"), folder.path() / "model.safetensors");
  fs::copy_file(torch_fixture("torch-2.x/small.safetensors"), folder.path() / "model.pt");
  const Checkpoint torch = Checkpoint::open(folder.path() / "model.safetensors");
  EXPECT_EQ(difference(torch, Checkpoint::open(folder.path() / "model.pt")), "");
  EXPECT_EQ(torch.format(), CheckpointFormat::torch_zip);
  EXPECT_TRUE(has_note(torch, "is not a safetensors file but a torch file"));
}

class WeightsOfAFolder : public testing::Test {
 protected:
  void put(const std::string& name) const {
    const char* source =
        name.ends_with(".safetensors") ? "torch-2.x/small.safetensors" : "torch-2.x/bare.pth";
    fs::copy_file(torch_fixture(source), folder_.path() / name);
  }
  std::string chosen() const {
    return Checkpoint::open(folder_.path()).files().front().filename().native();
  }
  TemporaryFolder folder_;
};

TEST_F(WeightsOfAFolder, AreTakenInTheOrderOfTheLibraries) {
  put("open_clip_pytorch_model.bin");
  EXPECT_EQ(chosen(), "open_clip_pytorch_model.bin");
  put("pytorch_model.bin");
  EXPECT_EQ(chosen(), "pytorch_model.bin");
  put("model.safetensors");
  EXPECT_EQ(chosen(), "model.safetensors");
  EXPECT_TRUE(has_note(Checkpoint::open(folder_.path()), "pytorch_model.bin is ignored"));
}

TEST_F(WeightsOfAFolder, MayHaveAnyNameWhenThereIsOneFile) {
  put("optimizer.pt");
  put("training_args.bin");
  put("epoch_7.pt");
  EXPECT_EQ(chosen(), "epoch_7.pt");
  put("epoch_8.pt");
  EXPECT_PRED2(contains, opening(folder_.path()),
               "2 files look like weights: 'epoch_7.pt', 'epoch_8.pt'; name the one");
}

TEST_F(WeightsOfAFolder, MustBeThere) {
  put("optimizer.pt");
  EXPECT_PRED2(contains, opening(folder_.path()), "no model.safetensors, no pytorch_model.bin");
}

}  // namespace
}  // namespace stockpot
