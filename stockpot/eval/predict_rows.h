// Forward passes over some rows of a set, in any order.
#pragma once

#include <cstdint>
#include <span>

#include "stockpot/eval/evaluate.h"

namespace stockpot {

// Logits of these rows as one batch, rows.size() x classes; the caller sees that it fits into
// memory. options.batch_size and on_batch are not used. The model has to be in evaluation mode and
// its labels have to be the set's classes.
void predict_rows(Classifier& model, const ImageDataset& set, std::span<const std::int64_t> rows,
                  std::span<float> logits, const EvalOptions& options = {});

}  // namespace stockpot
