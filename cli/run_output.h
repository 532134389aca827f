// Running a recipe and printing what it found: shared by run, demo and the single methods.
#pragma once

#include "cli/commands.h"
#include "cli/terminal.h"
#include "stockpot/recipe/recipe.h"

namespace stockpot::cli {

// Applies the flags of the command line, runs, prints the table or JSON. Returns 0.
int run_and_print(Recipe recipe, const fs::path& out, bool plan_only, const CommandLine& line);

}  // namespace stockpot::cli
