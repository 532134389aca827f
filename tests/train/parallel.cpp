// Two processes that train one model together: the result of one process, and how they end.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "stockpot/base/error.h"
#include "stockpot/train/joint.h"
#include "support.h"
#include "tests/base/message_of.h"
#include "tests/parallel/ranks.h"

namespace stockpot {
namespace {

using JointTraining = JointTest;

std::string content(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

// A folder with the saved states and the result of ranks that rank_main() trains.
class Joint {
 public:
  std::vector<RankEnd> run(const std::string& what) const {
    return run_ranks(2, {"train", state().string(), result().string(), what});
  }
  std::filesystem::path state() const { return folder_.path() / "state"; }
  std::filesystem::path result() const { return folder_.path() / "result"; }

 private:
  TemporaryFolder folder_;
};

const std::string& undisturbed() {
  static const std::string bytes = [] {
    const Joint joint;
    for (const RankEnd& end : joint.run("nothing")) EXPECT_EQ(end.code, 0) << end.text;
    return content(joint.result());
  }();
  return bytes;
}

void expect_continued(const Joint& joint) {
  const std::vector<RankEnd> ends = joint.run("nothing");
  for (const RankEnd& end : ends) {
    EXPECT_EQ(end.code, 0) << end.text;
    EXPECT_NE(end.text.find("resumed after step"), std::string::npos) << end.text;
  }
  EXPECT_FALSE(undisturbed().empty());
  EXPECT_TRUE(content(joint.result()) == undisturbed());
}

TEST_F(JointTraining, F17_TwoRanksGiveTheWeightsOfOne) {
  for (const RankEnd& end : run_ranks(2, {"compare"})) {
    EXPECT_EQ(end.code, 0) << end.text;
    RecordProperty("differences", end.text);
  }
}

TEST_F(JointTraining, F14_ALostRankEndsTheOtherAndTheRunContinuesToTheSameBytes) {
  const Joint joint;
  const std::vector<RankEnd> ends = joint.run("die");
  EXPECT_EQ(ends[0].code, 4);
  EXPECT_NE(ends[0].text.find("rank 1 "), std::string::npos) << ends[0].text;
  EXPECT_NE(ends[0].text.find("start it again to continue"), std::string::npos) << ends[0].text;
  EXPECT_LT(ends[0].seconds, 25);
  EXPECT_EQ(ends[1].code, 128 + SIGKILL);
  expect_continued(joint);
}

TEST_F(JointTraining, ARequestToStopOneRankStopsAllAfterSaving) {
  const Joint joint;
  for (const RankEnd& end : joint.run("stop")) EXPECT_EQ(end.code, 75) << end.text;
  expect_continued(joint);
}

TEST_F(JointTraining, AnErrorOfOneRankIsToldByTheOther) {
  const Joint joint;
  const std::vector<RankEnd> ends = joint.run("leave");
  EXPECT_EQ(ends[0].code, 4);
  EXPECT_NE(ends[0].text.find("photos/a.png"), std::string::npos) << ends[0].text;
  EXPECT_EQ(ends[1].code, 3) << ends[1].text;
}

TEST_F(JointTraining, F01_ANumberThatIsNoneOnOneRankEndsAllAlike) {
  const Joint joint;
  const std::vector<RankEnd> ends = joint.run("nan");
  EXPECT_EQ(ends[0].code, 4);
  EXPECT_EQ(ends[1].code, 4);
  EXPECT_EQ(ends[0].text, ends[1].text);
  EXPECT_NE(ends[0].text.find("epoch 4, step 10 of 21"), std::string::npos) << ends[0].text;
  EXPECT_TRUE(std::filesystem::exists(joint.state() / "diverged.json"));
}

TEST_F(JointTraining, F14_RanksWithDifferentOptionsAreRefused) {
  const Joint joint;
  for (const RankEnd& end : joint.run("another rate")) {
    EXPECT_EQ(end.code, 2) << end.text;
    EXPECT_NE(end.text.find("training.learning_rate: rank 0 has 0.001; rank 1 has 0.002"),
              std::string::npos)
        << end.text;
  }
}

TEST_F(JointTraining, RefusesWhatSeveralRanksCannotTrain) {
  FitOptions options;
  const Classifier resnet = test::load_model("resnet18"), vit = test::load_model("vit-patch16");
  require_joint(resnet, options, 1);
  require_joint(vit, options, 2);
  require_joint(resnet, options, 2);
  options.accumulation = 2;
  EXPECT_NE(
      message_of<UsageError>([&] { require_joint(resnet, options, 2); }).find("accumulate: 1"),
      std::string::npos);
  options.batchnorm = BatchNorm::frozen;
  require_joint(resnet, options, 2);
  options.drop_path = 0.1;
  EXPECT_THROW(require_joint(resnet, options, 2), UsageError);
}

}  // namespace
}  // namespace stockpot
