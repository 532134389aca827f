#include "stockpot/pipeline/training_options.h"

#include <gtest/gtest.h>

#include "../base/message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/pipeline/plan.h"

namespace stockpot {
namespace {

FitOptions options_of(const TrainSettings& settings) {
  static const Classifier model = Classifier::load(
      ModelFolder::open(fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/model/vit-patch16"));
  return training_options(settings, model, 100, 1);
}

TEST(TrainingOptions, AverageTheWeightsAsTheSettingsSay) {
  TrainSettings settings;
  settings.epochs = 8;
  EXPECT_TRUE(options_of(settings).ema.decays.empty());
  EXPECT_EQ(options_of(settings).swa_epochs, 0);
  EXPECT_EQ(options_of(settings).lawa_epochs, 0);
  EXPECT_FALSE(options_of(settings).swad);
  settings.set("swa", 0.25);
  settings.set("lawa", 3);
  settings.set("swad", Json::object({{"start", 2}, {"tolerance", 1.5}}));
  const FitOptions options = options_of(settings);
  EXPECT_EQ(options.swa_epochs, 2);
  EXPECT_EQ(options.lawa_epochs, 3);
  ASSERT_TRUE(options.swad);
  EXPECT_EQ(options.swad->start_patience, 2u);
  EXPECT_EQ(options.swad->end_patience, 6u);
  EXPECT_EQ(options.swad->tolerance, 1.5);
}

TEST(TrainingOptions, LayersThatTheModelLacksAreRefusedBeforeTheFirstRun) {
  const Classifier model = Classifier::load(
      ModelFolder::open(fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/model/vit-patch16"));
  std::vector<TrainingRun> runs(2);
  runs[0].id = "ft-lr0.001-s0";
  runs[1].id = "bn-lr0.001-s0";
  EXPECT_NO_THROW(check_runs(runs, model));
  runs[1].settings.set("train", "batchnorm");
  EXPECT_EQ(message_of<UsageError>([&] { check_runs(runs, model); }),
            "bn-lr0.001-s0: train: only BatchNorm is to be trained, but this model has none");
  runs[1].settings.set("train", Json::object({{"top", 500}}));
  EXPECT_THROW(check_runs(runs, model), UsageError);
}

}  // namespace
}  // namespace stockpot
