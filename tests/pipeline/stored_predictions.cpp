#include "stockpot/pipeline/stored_predictions.h"

#include <gtest/gtest.h>

#include "near_models.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/set_rows.h"

namespace stockpot {
namespace {

// As a model would leave them, without a model.
Predictions predictions_on(const ImageDataset& set) {
  Predictions predictions = set_rows(set);
  predictions.logits.resize(predictions.labels.size() * set.classes().size());
  return predictions;
}

class StoredPredictions : public ::testing::Test {
 protected:
  bool taken(const Predictions& predictions) const {
    write_predictions(file_, predictions);
    return stored_predictions(file_, set_).has_value();
  }

  TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "val.safetensors";
  ImageDataset set_ = fixture_pictures();
  Predictions predictions_ = predictions_on(set_);
};

TEST_F(StoredPredictions, AreTakenWhenTheyAreOfTheVeryPictures) {
  EXPECT_FALSE(stored_predictions(file_, set_));
  EXPECT_TRUE(taken(predictions_));
}

TEST_F(StoredPredictions, OfOtherPicturesUnderTheSameNamesAreNotTaken) {
  predictions_.examples = std::string(64, '0');
  EXPECT_FALSE(taken(predictions_));
}

TEST_F(StoredPredictions, ThatDoNotSayOfWhichPicturesTheyAreAreNotTaken) {
  predictions_.examples.clear();
  EXPECT_FALSE(taken(predictions_));
}

TEST_F(StoredPredictions, WithOtherGroupsOrWithoutNamesAreNotTaken) {
  Predictions renamed = predictions_, unnamed = predictions_;
  renamed.group_names.front() += "-other";
  unnamed.ids.clear();
  EXPECT_FALSE(taken(renamed));
  EXPECT_FALSE(taken(unnamed));
}

TEST_F(StoredPredictions, SayWhyTheyAreNotTaken) {
  Predictions wanted = predictions_;
  wanted.model = std::string(64, '1');
  wanted.arithmetic = "cpu";
  const auto why = [&](const Predictions& predictions) {
    write_predictions(file_, predictions);
    std::string reason;
    const bool taken = stored_predictions(file_, wanted, &reason).has_value();
    EXPECT_EQ(taken, reason.empty());
    return reason;
  };
  std::string missing;
  EXPECT_FALSE(stored_predictions(file_, wanted, &missing));
  EXPECT_EQ(missing, "is not there");
  EXPECT_EQ(why(wanted), "");
  EXPECT_EQ(why(predictions_), "does not say of which model its logits are");
  Predictions other = wanted;
  other.model = std::string(64, '2');
  EXPECT_EQ(why(other), "holds logits of another model (222222222222, expected 111111111111)");
  other = wanted;
  other.arithmetic = "cuda bf16";
  EXPECT_EQ(why(other), "holds logits of another arithmetic (cuda bf16, expected cpu)");
  other = wanted;
  other.examples = std::string(64, '3');
  EXPECT_EQ(why(other), "holds logits of other pictures (333333333333, expected " +
                            wanted.examples.substr(0, 12) + ")");
  other = wanted;
  other.ids[1] = "a\nb";
  EXPECT_EQ(why(other), "holds logits of other rows: row 1 is a\\x0ab of class " +
                            wanted.class_names[static_cast<std::size_t>(wanted.labels[1])] +
                            ", expected " + wanted.ids[1] + " of class " +
                            wanted.class_names[static_cast<std::size_t>(wanted.labels[1])]);
  other = wanted;
  other.class_names[0] += "s";
  EXPECT_EQ(why(other), "holds logits of other classes: number 0 is " + other.class_names[0] +
                            ", expected " + wanted.class_names[0]);
}

TEST_F(StoredPredictions, MayBeSilentAboutWhatTheyAreWhereThatIsAccepted) {
  Predictions silent = predictions_;
  silent.examples.clear();
  silent.groups.clear();
  EXPECT_NE(difference(silent, predictions_), "");
  EXPECT_EQ(difference(silent, predictions_, Unsaid::accepted), "");
  EXPECT_EQ(difference(predictions_, silent, Unsaid::accepted), "");
  silent.examples = std::string(64, '3');
  EXPECT_NE(difference(silent, predictions_, Unsaid::accepted), "");
  silent.examples.clear();
  silent.ids.clear();
  EXPECT_NE(difference(silent, predictions_, Unsaid::accepted), "");
}

}  // namespace
}  // namespace stockpot
