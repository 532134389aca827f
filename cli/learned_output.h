// Writes a learned soup: mixed from the original files in fp64 by the merge that `verify` can make
// again.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/cmd_soup_learned.h"
#include "stockpot/base/progress.h"
#include "stockpot/blend/coefficients.h"

namespace stockpot::cli {

// Coefficients by tensor, in the words of `average` and `merge linear`: one --group for each row.
// `alpha`: rows x models; `tensors`: the names that each row rules over.
std::vector<std::string> group_words(std::span<const double> alpha, std::size_t models,
                                     const std::vector<std::vector<std::string>>& tensors);

// Softmax coefficients become weights of `average`, free ones of `merge linear`. Replaces an
// existing folder. Throws what the merge throws, naming tensors.
void write_learned(const LearnedArgs& args, Form form, std::vector<std::string> groups,
                   const std::filesystem::path& folder, Progress& progress);

}  // namespace stockpot::cli
