// What average, interpolate and merge were asked to do: parsed once, run by cmd_merge.cpp, and
// parsed again from a manifest when `verify` makes an output anew.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/merge_methods.h"
#include "cli/write_commands.h"
#include "stockpot/base/file.h"
#include "stockpot/merge/trajectory.h"

namespace stockpot::cli {

struct MergeRequest {
  std::string command;  // "average", "interpolate" or "merge"
  std::string method;   // "average", "interpolate" or a name of merge_methods()
  bool needs_base = false;
  BuildMethod build;
  // The flags that decide about the output's values, as they were given, with absolute paths.
  std::vector<std::string> flags;

  std::vector<fs::path> models;
  fs::path base;  // empty: none
  fs::path output;
  OutputFlags written;

  std::vector<double> weights, depth;
  std::vector<double> alphas;  // interpolate: a folder of outputs when there are several
  std::vector<std::string> groups;
  std::string head, backbone;
  std::string batchnorm = "variance", integers = "checked";
  bool intersection = false, allow_nonfinite = false;
  OpenFlags open;
  std::string max_memory;

  std::int64_t last = 0, best = 0;  // pick this many of the models
  std::string metrics;              // a table of metrics; empty: the stored ones
  std::string metric;               // its column, or the name of the stored number
  bool minimize = false;
  // Along one run: the models in the natural order of their names.
  std::optional<double> ema;  // decay; the weights follow from it
  fs::path swad;              // table of validation losses; the models of its valley are averaged
  SwadOptions swad_options;
  bool best_first = false;  // the models are listed from best to worst
};

// Adds the three commands; `on_parsed` is called with the one that was given.
void add_merge_requests(CLI::App& app, const std::function<void(const MergeRequest&)>& on_parsed);

// Runs it and prints the result.
int cmd_merge(const MergeRequest& request, const CommandLine& line);

}  // namespace stockpot::cli
