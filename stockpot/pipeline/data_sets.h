// The data of a run: what is trained on, what choices are made on, what is only reported on.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/data/dataset.h"
#include "stockpot/recipe/recipe.h"

namespace stockpot {

struct DataSets {
  ImageDataset train;
  HeldOut held_out;
  std::vector<TestSet> tests;      // the ID test set, if any, first; then the OOD sets
  std::vector<std::string> notes;  // skipped images, pictures shared between sets

  std::int64_t test_rows() const;
};

// Loads every set before anything is trained, so that a bad one is found in seconds, not
// after hours. The classes are those of the training set. Throws what ImageDataset::load
// throws, with the name of the set in front.
DataSets load_data(const Recipe& recipe, Progress& progress);
// The same without the test sets: all that training needs.
DataSets load_training_data(const Recipe& recipe, Progress& progress);

}  // namespace stockpot
