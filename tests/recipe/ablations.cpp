// The recipes that lie in this repository.
#include <gtest/gtest.h>

#include <algorithm>

#include "recipe_test.h"
#include "stockpot/recipe/plan_runs.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> ablations() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(STOCKPOT_SOURCE_DIR "/recipes/ablations"))
    if (entry.path().extension() == ".yaml" && entry.path().filename() != "methods.yaml")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// The recipes look for data and models beside the checkout.
bool data_is_there() {
  return fs::exists(STOCKPOT_SOURCE_DIR "/../shared/data/pacs64") &&
         fs::exists(STOCKPOT_SOURCE_DIR "/../shared/models");
}

TEST(Ablations, AreRecipesWithoutProblemsAndSayWhatThePaperCompares) {
  if (!data_is_there()) GTEST_SKIP() << "the recipes' data is not beside the checkout";
  ASSERT_GE(ablations().size(), 13u);
  for (const fs::path& file : ablations()) {
    const Recipe recipe = Recipe::read(file);
    EXPECT_TRUE(recipe.lp && recipe.ft.wanted && recipe.lpft.wanted) << file;
    EXPECT_EQ(recipe.seeds, 3) << file;
    EXPECT_GE(recipe.ood.size(), 1u) << file;
    EXPECT_TRUE(recipe.diagnoses()) << file;
    EXPECT_EQ(recipe.held_out_is_ood, file.stem() == "ood_stopping") << file;
    const bool quality = file.stem().string().starts_with("quality");
    EXPECT_EQ(recipe.variants.size(), quality ? 0u : 8u) << file;
  }
}

TEST(Ablations, OfModelsWithoutBatchNormLeaveOutWhatNeedsIt) {
  if (!data_is_there()) GTEST_SKIP() << "the recipes' data is not beside the checkout";
  for (const fs::path& file : ablations()) {
    const Recipe recipe = Recipe::read(file, {"methods.batchnorm_only=false"});
    for (const TrainingRun& run : plan_runs(recipe, false))
      EXPECT_NE(run.settings.trained, "batchnorm") << file;
  }
}

}  // namespace
}  // namespace stockpot
