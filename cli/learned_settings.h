// What the flags of `soup learned` mean for those who learn.
#pragma once

#include "cli/cmd_soup_learned.h"
#include "stockpot/learned/learn.h"
#include "stockpot/merge/plan.h"

namespace stockpot::cli {

// --bn.
BatchNormPolicy policy_of(const LearnedArgs& args);
// --lr, or the usual one of the form: 0.05 for shares, over the number of models for free ones.
double learning_rate_of(const LearnedArgs& args);
// --rows, --keep and --map, on the command's device. Throws UsageError for a size that is none.
MixedModelOptions mixed_options(const LearnedArgs& args, at::Device device, bool bf16);
// All but where its state lies, of what, and who hears of warnings.
LearnOptions learn_options(const LearnedArgs& args);

}  // namespace stockpot::cli
