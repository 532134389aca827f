// Commands that mix models and look at what comes out.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"

namespace stockpot::cli {

struct InterpolateArgs;  // mix_args.h

// ensemble, calibrate, soup curve; after the soup commands.
void add_mix_commands(CLI::App& app, CommandLine& line);
// The flags of interpolate that evaluate its points.
std::shared_ptr<InterpolateArgs> add_interpolate_sets(CLI::App& command);

}  // namespace stockpot::cli
