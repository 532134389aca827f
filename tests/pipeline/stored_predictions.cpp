#include <gtest/gtest.h>

#include "near_models.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/model_on_sets.h"

namespace stockpot {
namespace {

// As a model would leave them, without a model.
Predictions predictions_on(const ImageDataset& set) {
  Predictions predictions;
  predictions.class_names = set.classes();
  predictions.group_names = set.groups();
  predictions.classes = static_cast<std::int64_t>(set.classes().size());
  predictions.examples = set.examples_hash();
  for (std::int64_t i = 0; i < set.size(); ++i) {
    predictions.labels.push_back(set.label(i));
    predictions.groups.push_back(set.group(i));
    predictions.ids.push_back(set.id(i));
  }
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

}  // namespace
}  // namespace stockpot
