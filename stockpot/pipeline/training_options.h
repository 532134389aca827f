// From the settings of a recipe to the options of the training loop.
#pragma once

#include "stockpot/model/classifier.h"
#include "stockpot/recipe/settings.h"
#include "stockpot/train/fit.h"

namespace stockpot {

// `train_rows` and the model's blocks turn numbers of steps and shares of epochs into what the
// loop counts in.
FitOptions training_options(const TrainSettings& settings, const Classifier& model,
                            std::int64_t train_rows, std::uint64_t seed);

}  // namespace stockpot
