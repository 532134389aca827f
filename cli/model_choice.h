// Which checkpoints a list of paths means.
#pragma once

#include <vector>

#include "cli/merge_request.h"

namespace stockpot::cli {

// Folders that hold several checkpoints (and no weights of their own) become these, in the
// natural order of their names; then --last or --best pick some. Throws UsageError when there are
// fewer than asked for, or when a metric is missing.
std::vector<fs::path> chosen_models(const MergeRequest& request);

}  // namespace stockpot::cli
