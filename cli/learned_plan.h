// What `soup learned` is about to do, in numbers: coefficients, steps, bytes.
#pragma once

#include <cstdint>
#include <string>

#include "cli/cmd_soup_learned.h"
#include "stockpot/base/json.h"
#include "stockpot/merge/plan.h"

namespace stockpot::cli {

// The document of --dry-run --json. `merge`: of these models.
Json learned_plan(const LearnedArgs& args, const MergePlan& merge, std::int64_t pictures);
// That document for people.
std::string learned_plan_text(const LearnedArgs& args, const Json& plan);

}  // namespace stockpot::cli
