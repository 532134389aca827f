#include "stockpot/landscape/shifts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "tests/base/shared_folder.h"

namespace stockpot::landscape {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Runs on the line logit(ood) = logit(id) - 1, and a soup above it.
ShiftTable on_a_line(AxisScale scale) {
  ShiftTable table;
  table.id_set = "id";
  table.ood_sets = {"sketch"};
  for (const double id : {0.6, 0.7, 0.8, 0.9}) {
    ShiftModel model;
    model.name = "run " + shortest(id);
    model.kind = "run";
    model.learning_rate = std::pow(10, -4 - id);
    model.id = {id};
    model.ood = {{unscaled(scale, scaled(scale, id) - 1)}};
    table.models.push_back(model);
  }
  ShiftModel soup = table.models[2];
  soup.name = "soup";
  soup.kind = "soup";
  soup.single = false;
  soup.learning_rate = std::nullopt;
  soup.ood[0].accuracy += 0.05;
  table.models.push_back(soup);
  return table;
}

TEST(Shifts, EffectiveRobustnessIsTheDistanceFromTheLineOfTheSingleModels) {
  for (const AxisScale scale : {AxisScale::logit, AxisScale::probit}) {
    const ShiftStudy study = study_shifts(on_a_line(scale), scale);
    ASSERT_EQ(study.sets.size(), 1u);
    const SetShift& shift = study.sets[0];
    ASSERT_TRUE(shift.line);
    EXPECT_NEAR(shift.line->slope, 1, 1e-9);
    EXPECT_NEAR(shift.line->intercept, -1, 1e-9);
    EXPECT_EQ(shift.line->points, 4);
    EXPECT_NEAR(shift.effective[1], 0, 1e-9);
    EXPECT_NEAR(shift.effective[4], 0.05, 1e-9);
    EXPECT_NEAR(shift.spearman, 1, 1e-12);
  }
}

TEST(Shifts, ScalesAreInversesOfEachOther) {
  for (const AxisScale scale : {AxisScale::logit, AxisScale::probit, AxisScale::linear})
    for (const double share : {0.01, 0.3, 0.5, 0.99})
      EXPECT_NEAR(unscaled(scale, scaled(scale, share)), share, 1e-9);
  EXPECT_NEAR(scaled(AxisScale::probit, 0.975), 1.959963985, 1e-8);
  EXPECT_TRUE(std::isinf(scaled(AxisScale::logit, 1)));
}

TEST(Shifts, AModelThatIsAlwaysRightIsMovedByHalfAnExample) {
  ShiftTable table = on_a_line(AxisScale::logit);
  table.models[0].id = {1, 100};
  const ShiftStudy study = study_shifts(table, AxisScale::logit);
  EXPECT_EQ(study.sets[0].line->points, 4);
  EXPECT_TRUE(std::isfinite(study.sets[0].effective[0]));
}

TEST(Shifts, AModelWithoutASetHasNoMeanAndDoesNotCount) {
  ShiftTable table = on_a_line(AxisScale::logit);
  table.ood_sets.push_back("photo");
  for (ShiftModel& model : table.models) model.ood.push_back({0.5});
  table.models[0].ood[1].accuracy = kNaN;
  const ShiftStudy study = study_shifts(table, AxisScale::logit);
  ASSERT_EQ(study.sets.size(), 3u);
  EXPECT_EQ(study.sets[0].set, "");
  EXPECT_TRUE(std::isnan(study.mean_ood(0)));
  EXPECT_EQ(study.sets[0].line->points, 3);
  EXPECT_EQ(study.sets[1].line->points, 4);
  EXPECT_EQ(to_json(study).find("models")->items()[0].find("mean_ood")->is_null(), false);
  EXPECT_NE(to_json(study).dump().find("\"mean_ood\":null"), std::string::npos);
}

TEST(Shifts, WithoutOodSetsThereIsNothingToCompare) {
  ShiftTable table = on_a_line(AxisScale::logit);
  table.ood_sets.clear();
  EXPECT_THROW(study_shifts(table, AxisScale::logit), UsageError);
}

// The released numbers of the paper's 72 models (Wortsman et al. 2022).
ShiftTable paper_table(const fs::path& golden) {
  ShiftTable table;
  table.id_set = "ImageNet";
  table.ood_sets = {"ImageNetV2", "ImageNetSketch", "ImageNetR", "ObjectNet", "ImageNetA"};
  const Json settings = Json::read(golden / "hparam_info.json");
  for (const std::string& line :
       split(read_file(golden / "individual_model_results.jsonl"), '\n')) {
    if (trim(line).empty()) continue;
    const Json row = Json::parse(line, "individual_model_results.jsonl");
    ShiftModel model;
    model.name = row.find("model_name")->as_string();
    model.kind = "run";
    if (const Json* rate = settings.find(model.name)->find("lr"))
      model.learning_rate = rate->as_number();
    model.id = {row.find("ImageNet")->as_number()};
    for (const std::string& set : table.ood_sets) model.ood.push_back({row.find(set)->as_number()});
    table.models.push_back(model);
  }
  return table;
}

TEST(Shifts, OnThePapersModelsTheLearningRateAndNotIdAccuracyTellsRobustness) {
  const fs::path golden = shared_folder() / "spec" / "golden";
  if (!fs::exists(golden / "hparam_info.json")) GTEST_SKIP() << "no golden data at " << golden;
  const ShiftStudy study = study_shifts(paper_table(golden), AxisScale::logit);
  ASSERT_EQ(study.table.models.size(), 72u);
  EXPECT_NEAR(study.sets[0].pearson, 0.325, 5e-4);
  ASSERT_TRUE(study.rates);
  EXPECT_EQ(study.rates->runs, 71);
  EXPECT_NEAR(study.rates->ood, -0.732, 5e-4);
  EXPECT_NEAR(study.rates->id, 0.071, 5e-4);
  const std::vector<RateBin>& bins = study.rates->bins;
  ASSERT_EQ(bins.size(), 4u);
  const double id[] = {77.53, 78.49, 78.36, 77.54}, ood[] = {48.17, 48.14, 47.08, 41.42};
  const std::int64_t runs[] = {24, 18, 16, 13};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(bins[i].low, -6 + 0.5 * static_cast<double>(i));
    EXPECT_EQ(bins[i].runs, runs[i]);
    EXPECT_NEAR(100 * bins[i].id, id[i], 0.005);
    EXPECT_NEAR(100 * bins[i].ood, ood[i], 0.005);
  }
  EXPECT_NE(reading(study).front().find("says little"), std::string::npos);
}

}  // namespace
}  // namespace stockpot::landscape
