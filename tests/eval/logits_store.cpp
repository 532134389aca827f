#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/eval/evaluate.h"

namespace stockpot {
namespace {

class LogitsStore : public testing::Test {
 protected:
  LogitsStore() {
    std::string pattern = (fs::temp_directory_path() / "stockpot-eval-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    file_ = folder_ / "logits.safetensors";
    predictions_.classes = 2;
    predictions_.logits = {1.5f, -0.0f, 3e-40f, 2, 5, std::numeric_limits<float>::infinity()};
    predictions_.labels = {0, 1, 1};
    predictions_.groups = {0, 0, 1};
    predictions_.group_names = {"a \"quoted\" name", "b"};
    predictions_.class_names = {"cat", "dög"};
    predictions_.ids = {"a/1.png", "line\nbreak\\n.png", ""};
  }
  ~LogitsStore() override { fs::remove_all(folder_); }

  void expect_equal(const Predictions& read) const {
    EXPECT_EQ(read.classes, predictions_.classes);
    EXPECT_EQ(read.logits, predictions_.logits);
    EXPECT_TRUE(read.logits.empty() || std::signbit(read.logits[1]));
    EXPECT_EQ(read.labels, predictions_.labels);
    EXPECT_EQ(read.groups, predictions_.groups);
    EXPECT_EQ(read.group_names, predictions_.group_names);
    EXPECT_EQ(read.class_names, predictions_.class_names);
    EXPECT_EQ(read.ids, predictions_.ids);
  }

  // The message of the error that reading the file ends in.
  std::string problem() const {
    try {
      read_predictions(file_);
    } catch (const FormatError& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_, file_;
  Predictions predictions_;
};

TEST_F(LogitsStore, ReadsBackWhatItWrote) {
  write_predictions(file_, predictions_);
  expect_equal(read_predictions(file_));
}

TEST_F(LogitsStore, SaysOfWhichPicturesAndModelItsLogitsAre) {
  predictions_.examples = "pictures and labels";
  predictions_.model = "weights";
  write_predictions(file_, predictions_);
  const Predictions read = read_predictions(file_);
  EXPECT_EQ(read.examples, "pictures and labels");
  EXPECT_EQ(read.model, "weights");
  predictions_.examples = predictions_.model = "";
  write_predictions(file_, predictions_);
  EXPECT_EQ(read_predictions(file_).examples, "");
  EXPECT_FALSE(SafetensorsFile(file_).metadata().contains("model"));
}

TEST_F(LogitsStore, DoesWithoutGroupsAndIds) {
  predictions_.groups.clear();
  predictions_.group_names.clear();
  predictions_.ids.clear();
  write_predictions(file_, predictions_);
  expect_equal(read_predictions(file_));
}

TEST_F(LogitsStore, KeepsOneEmptyId) {
  predictions_.logits.resize(2);
  predictions_.labels.resize(1);
  predictions_.groups.resize(1);
  predictions_.ids = {""};
  write_predictions(file_, predictions_);
  expect_equal(read_predictions(file_));
}

TEST_F(LogitsStore, RefusesALabelThatIsNoClass) {
  predictions_.labels[1] = 2;
  write_predictions(file_, predictions_);
  EXPECT_NE(problem().find("tensor 'labels' holds 2, expected 0..1"), std::string::npos)
      << problem();
}

TEST_F(LogitsStore, RefusesIdsThatAreNotOneARow) {
  predictions_.ids.push_back("more");
  write_predictions(file_, predictions_);
  EXPECT_NE(problem().find("4 ids for 3 rows"), std::string::npos) << problem();
}

TEST_F(LogitsStore, RefusesClassNamesThatAreNotOneAColumn) {
  predictions_.class_names.pop_back();
  write_predictions(file_, predictions_);
  EXPECT_NE(problem().find("1 class names for 2 columns"), std::string::npos) << problem();
}

TEST_F(LogitsStore, RefusesAModelCheckpoint) {
  const float weights[] = {1, 2};
  const OwnedTensor tensor = make_tensor("weight", Dtype::f32, {2}, weights);
  const TensorView views[] = {tensor.view()};
  write_safetensors(file_, views);
  EXPECT_NE(problem().find("no tensor 'logits'"), std::string::npos) << problem();
}

TEST_F(LogitsStore, RefusesNamesThatAreNoList) {
  const float logits[] = {1, 2};
  const OwnedTensor tensor = make_tensor("logits", Dtype::f32, {1, 2}, logits);
  const TensorView views[] = {tensor.view()};
  write_safetensors(file_, views, {{"classes", "[1, 2]"}, {"groups", "[]"}});
  EXPECT_NE(problem().find("'classes' in the metadata is not a list of names"), std::string::npos)
      << problem();
}

}  // namespace
}  // namespace stockpot
