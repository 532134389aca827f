// What the linear probe refuses, and what it warns of.
#pragma once

#include <string>
#include <vector>

#include "stockpot/train/feature_statistics.h"
#include "stockpot/train/present_classes.h"
#include "stockpot/train/probe.h"

namespace stockpot {

// Penalties that are not positive, finite and increasing: UsageError naming the first.
void check_penalties(const std::vector<double>& c);

// Features that are not rows of `columns` numbers, one a label and at least one, and labels
// outside of lowest..classes-1: UsageError. labels are on the CPU.
void check_set(const std::string& name, const at::Tensor& features, const at::Tensor& labels,
               std::int64_t columns, std::int64_t lowest, std::int64_t classes);

// Sentences about a fitted path, for ProbeResult::warnings.
std::vector<std::string> warnings_of(const ProbeResult& result, const PresentClasses& present,
                                     const at::Tensor& held_out_labels,
                                     const FeatureStatistics& statistics);

}  // namespace stockpot
