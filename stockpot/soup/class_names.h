// The classes of models that are to become one.
#pragma once

#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

// Looks at config.json beside the weights (transformers' id2label, timm's label_names). Throws
// FormatError naming two models and the first class that differs: the mean of such models would
// mix up their classes. Models that tell no classes fit all others.
void require_same_classes(const std::vector<fs::path>& models);

}  // namespace stockpot
