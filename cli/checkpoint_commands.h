// The commands that work on checkpoints of any architecture, without LibTorch. Each function
// adds its sub-commands to the program; a sub-command binds its own arguments (kept alive by
// the callback) and sets line.command to a CheckpointCommand.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace stockpot::cli {

// --json, --quiet, --color.
void add_common(CLI::App& app, CommandLine& line);
// --threads.
void add_threads(CLI::App& app, CommandLine& line);
// These and --device, --bf16.
void add_compute(CLI::App& app, CommandLine& line);

void add_look_commands(CLI::App& app, CommandLine& line);   // inspect, diff, verify, doctor
void add_write_commands(CLI::App& app, CommandLine& line);  // convert, lora
void add_merge_commands(CLI::App& app, CommandLine& line);  // average, interpolate, merge
void add_soup_commands(CLI::App& app, CommandLine& line);   // soup uniform, greedy, prune, learned
void add_soup_learned(CLI::App& soup, CommandLine& line);
// Needs no checkpoint, but runs in the torch-free program too.
void add_theory(CLI::App& app, CommandLine& line);
void add_sweep_commands(CLI::App& app, CommandLine& line);
void add_launch(CLI::App& app, CommandLine& line);
void add_diagnose(CLI::App& app, CommandLine& line);
void add_analysis_commands(CLI::App& app, CommandLine& line);  // angles, plane, gap, shifts
void add_compare(CLI::App& app, CommandLine& line);

}  // namespace stockpot::cli
