// diagnose distortion as a user runs it.
#include <gtest/gtest.h>

#include <stdexcept>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// A small world with a probe and a fine-tuned model in it.
struct TrainedWorld : SmallWorld {
  TrainedWorld() {
    const std::vector<std::string> data = {"model", "--train", "train", "--val", "val"};
    std::vector<std::string> probe = {"probe", "-o", "lp"},
                             finetune = {"finetune", "-o",       "ft", "--batchnorm",
                                         "frozen",   "--epochs", "1",  "--lr=0.003"};
    for (auto* command : {&probe, &finetune}) {
      command->insert(command->begin() + 1, data.begin(), data.end());
      const Outcome outcome = stockpot(path(), *command);
      if (outcome.code != 0) throw std::runtime_error(outcome.err);
    }
  }
};

const SmallWorld& trained_world() {
  static const TrainedWorld world;
  return world;
}

std::string trained(const std::string& run) {
  for (const auto& entry : fs::recursive_directory_iterator(trained_world() / run / "runs"))
    if (entry.path().filename() == "model.safetensors") return entry.path().parent_path().string();
  throw std::runtime_error("no model in " + run);
}

Outcome diagnose(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"diagnose", "distortion"});
  return stockpot(trained_world().path(), arguments);
}

TEST(Diagnose, MeasuresAProbeAgainstAFineTunedModel) {
  const Outcome outcome = diagnose({trained("lp"), trained("ft"), "--id", "train", "--ood",
                                    "held=val", "--json", "-o", "diagnosis"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, slurp(trained_world() / "diagnosis" / "distortion.json"));
  const Json json = Json::parse(outcome.out, "stdout");
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  const Json& moved = json.find("sets")->items()[1].find("movement")->items()[0];
  EXPECT_GT(moved.find("mean")->as_number(), 0);
  EXPECT_TRUE(moved.find("id_ratio")->is_number());
  EXPECT_TRUE(moved.find("gain")->is_number());
  const std::string page = slurp(trained_world() / "diagnosis" / "distortion.html");
  for (const char* part : {"<script", "http://", "https://", "src=", "url("})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  EXPECT_NE(page.find("<section id=\"distortion\">"), std::string::npos);
  const Outcome again =
      diagnose({trained("lp"), trained("ft"), "--id", "train", "-o", "diagnosis"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("--overwrite"), std::string::npos) << again.err;
}

TEST(Diagnose, ProbeLeavesThePretrainedFeaturesAlone) {
  const Outcome outcome = diagnose({"model", trained("lp"), "--id", "train", "--ood", "held=val"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("to the last bit"), std::string::npos) << outcome.out;
}

TEST(Diagnose, ModelsThatCannotBeComparedAreRefusedInOneLine) {
  const fs::path other =
      fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures" / "model" / "vit-patch16";
  const Outcome outcome = diagnose({other.string(), trained("ft"), "--id", "train"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find("its features have"), std::string::npos) << outcome.err;
}

TEST(Diagnose, NeedsAnIdSetAndAnAfterModel) {
  EXPECT_EQ(diagnose({"model", "--id", "train"}).code, 2);
  EXPECT_EQ(diagnose({"model", "model"}).code, 2);
}

}  // namespace
}  // namespace stockpot
