#include "stockpot/pipeline/measure_distortion.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <map>

#include "near_models.h"
#include "stockpot/diagnose/distortion_json.h"
#include "stockpot/eval/evaluate.h"

namespace stockpot {
namespace {

struct Silent : Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

// Some pictures, again and again: more than one batch.
ImageDataset many_pictures() {
  const ImageDataset few = fixture_pictures();
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < 300; ++i) rows.push_back(i * 7 % few.size());
  return few.subset(rows);
}

std::vector<Classifier> three_models(const ImageDataset& set) {
  const NearModels near(3);
  std::vector<Classifier> models;
  for (const fs::path& folder : near.folders()) {
    Classifier& model = models.emplace_back(Classifier::load(ModelFolder::open(folder)));
    const auto classes = static_cast<std::int64_t>(set.classes().size());
    const at::Tensor weight = at::zeros({classes, model.folder().feature_size});
    RandomStream random(models.size(), Purpose::test);
    float* values = weight.data_ptr<float>();
    for (std::int64_t i = 0; i < weight.numel(); ++i)
      values[i] = static_cast<float>(random.normal());
    model.set_head(set.classes(), weight, at::zeros({classes}));
  }
  return models;
}

DistortionRequest request_of(const ImageDataset& id, const ImageDataset& ood) {
  DistortionRequest request;
  request.names = {"LP", "FT", "LP-FT"};
  request.sets = {{"ID", &id}, {"sketch", &ood}};
  return request;
}

TEST(MeasureDistortion, TellsWhatPredictWouldSay) {
  const ImageDataset id = many_pictures(), ood = fixture_pictures();
  std::vector<Classifier> models = three_models(id);
  DistortionRequest request = request_of(id, ood);
  request.wants_predictions = [](std::size_t model, std::size_t set) {
    return model > 0 && !(model == 2 && set == 1);
  };
  std::map<std::pair<std::size_t, std::size_t>, Predictions> told;
  request.on_predictions = [&](std::size_t model, std::size_t set, Predictions predictions) {
    told[{model, set}] = std::move(predictions);
  };
  Silent silent;
  measure_distortion(models, request, silent);
  ASSERT_EQ(told.size(), 3U);
  for (const auto& [which, predictions] : told) {
    const Predictions expected = predict(models[which.first], which.second == 0 ? id : ood);
    EXPECT_EQ(predictions.logits, expected.logits);
    EXPECT_EQ(predictions.labels, expected.labels);
    EXPECT_EQ(predictions.arithmetic, expected.arithmetic);
    EXPECT_TRUE(same_rows(predictions, expected));
  }
  EXPECT_NE((told[{1, 0}].logits), (told[{2, 0}].logits));
}

TEST(MeasureDistortion, PassesManyPicturesTwiceWithTheSameResult) {
  const ImageDataset id = many_pictures(), ood = fixture_pictures();
  std::vector<Classifier> models = three_models(id);
  DistortionRequest request = request_of(id, ood);
  Silent silent;
  const std::string once = to_json(measure_distortion(models, request, silent)).dump();
  const auto row = sizeof(float) * 3 * static_cast<std::size_t>(models[0].folder().feature_size);
  for (const std::size_t rows : {0, 280}) {  // less than the first batch, and than all
    request.most_kept = rows * row;
    EXPECT_EQ(to_json(measure_distortion(models, request, silent)).dump(), once);
  }
}

TEST(MeasureDistortion, OfSeveralStudiesIsThatOfEach) {
  const ImageDataset id = many_pictures(), ood = fixture_pictures();
  std::vector<Classifier> models = three_models(id);
  DistortionRequest request = request_of(id, ood);
  Silent silent;
  const std::vector<diagnose::Distortion> together =
      measure_distortions(models, std::vector<std::size_t>{1, 1}, request, silent);
  ASSERT_EQ(together.size(), 2U);
  for (const std::size_t after : {1, 2}) {
    std::vector<Classifier> pair;
    pair.push_back(models[0].clone());
    pair.push_back(models[after].clone());
    request.names = {"LP", after == 1 ? "FT" : "LP-FT"};
    EXPECT_EQ(to_json(together[after - 1]).dump(),
              to_json(measure_distortion(pair, request, silent)).dump());
  }
}

}  // namespace
}  // namespace stockpot
