// What convert was asked to do: parsed once by cmd_convert.cpp, and again from a manifest when
// `verify` makes an output anew.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/write_commands.h"
#include "stockpot/base/file.h"

namespace stockpot::cli {

struct ConvertArgs {
  fs::path in, out;
  OpenFlags open;
  OutputFlags output;
};

// IN, OUT and their flags.
void add_convert_args(CLI::App& command, ConvertArgs& args);

}  // namespace stockpot::cli
