#include "stockpot/pipeline/sweep_training.h"

#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/plan.h"

namespace stockpot {
namespace {

Classifier load_model(const Recipe& recipe, const std::string& device) {
  Classifier model = Classifier::load(ModelFolder::open(recipe.model));
  model.to(parse_device(device));
  return model;
}

}  // namespace

SweepInputs::SweepInputs(const fs::path& sweep, Progress& progress)
    : sweep_(sweep),
      plan_(read_plan(sweep)),
      recipe_(Recipe::read(sweep / "recipe.yaml")),
      data_(load_training_data(recipe_, progress)) {}

SweepTrainer::SweepTrainer(const SweepInputs& inputs, const std::string& device, Progress& progress)
    : pretrained_(load_model(inputs.recipe(), device)),
      identity_(run_identity(inputs.recipe(), pretrained_.folder())),
      folder_(RunFolder::join(inputs.folder(), identity_)),
      trainer_({inputs.recipe(), identity_, folder_, inputs.data(), pretrained_, progress},
               checked_runs(inputs.recipe(), pretrained_)) {}

}  // namespace stockpot
