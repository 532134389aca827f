// A head that the user brought, on a model.
#pragma once

#include <string>
#include <vector>

#include "stockpot/checkpoint/head_file.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

// Gives `model` the head, for these classes: head_logits() is then features times its matrix, plus
// its bias. `head` was read for as many classes and for the model's feature_size.
void put_head(const GivenHead& head, const std::vector<std::string>& classes, Classifier& model);

}  // namespace stockpot
