// The sets of an analysis, loaded.
#pragma once

#include <string>
#include <vector>

#include "cli/analysis_commands.h"
#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/pipeline/mixtures.h"

namespace stockpot::cli {

// Those of the recipe; then "train" (as held-out data: nothing is reported on it), "val", "id",
// then the OOD sets, in this order, those that were named. For this model and others with its
// classes; says what is assumed about it. Throws UsageError when two have one name.
std::vector<NamedSet> load_named_sets(const AnalysisSets& sets, const ModelFolder& model,
                                      Progress& progress);

// Pictures whose labels nobody looks at.
ImageDataset load_unlabelled(const std::vector<std::string>& sources, Progress& progress);

// Place of the held-out set "val" among them; throws UsageError naming `why` it is needed.
std::size_t held_out_set(const std::vector<NamedSet>& sets, const std::string& why);

// The lines of a plan: what would be read, before it is read.
std::vector<std::string> set_lines(const AnalysisSets& sets);

}  // namespace stockpot::cli
