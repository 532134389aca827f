// The commands that look into checkpoints and compare them, one file each.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace stockpot::cli {

void add_inspect(CLI::App& app, CommandLine& line);
void add_diff(CLI::App& app, CommandLine& line);
void add_doctor(CLI::App& app, CommandLine& line);
void add_verify(CLI::App& app, CommandLine& line);

// Threads of --threads, for commands that read values.
void use_threads(const CommandLine& line);

}  // namespace stockpot::cli
