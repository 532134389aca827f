// BatchNorm's running statistics of a model whose weights were mixed: measured anew.
#pragma once

#include "stockpot/eval/evaluate.h"

namespace stockpot {

// Running means and variances become the plain means over the batches of this set, in its order
// and unaugmented, and the counters the number of batches: torch.optim.swa_utils.update_bn, that
// is BatchNorm with momentum=None (Izmailov et al. 2018, section 3.3). Labels are not looked at.
// Sums are kept in fp64. The model is left in evaluation mode; nothing happens to one without
// BatchNorm. Batches of options.batch_size; the last one may be smaller and counts as much.
// Throws Interrupted, UsageError for a set without pictures.
void recompute_batch_statistics(Classifier& model, const ImageDataset& pictures,
                                const EvalOptions& options = {});

}  // namespace stockpot
