// What the soup commands were asked to do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/write_commands.h"

namespace stockpot::cli {

namespace fs = std::filesystem;

// How an external evaluator is run (evaluator/external.h).
struct EvaluatorFlags {
  std::vector<std::string> command;  // the words behind --evaluator
  std::string timeout = "2h";
  std::int64_t retries = 1, repeat = 1;
  std::vector<std::string> environment;
  std::string fingerprint, result = "file", on_failure = "skip";
  bool serve = false, no_cache = false;
  fs::path scratch, work_folder;
};

struct SoupArgs {
  std::string method;  // "uniform", "greedy" or "prune"
  std::vector<fs::path> models;
  fs::path output;
  OutputFlags written;
  OpenFlags open;

  // How soups are scored: one of the three.
  std::vector<std::string> held_out;  // sources: our own models on pictures
  fs::path recipe;                    // or the held-out set of this recipe, run or sweep
  std::vector<std::string> train;     // sources, or "none": what the models were trained on
  fs::path logits;                    // of the models alone, as eval --logits left them
  EvaluatorFlags evaluator;           // a program of the user's
  fs::path table;                     // scores that were measured before

  std::string metric;  // a name, a JSON pointer, or a column; empty: accuracy
  bool minimize = false;
  std::string accept = "ties", order = "metric", compat;
  std::uint64_t seed = 0;
  std::int64_t restarts = 0;
  // BatchNorm's statistics of the soup: average, variance, keep, recompute or compare.
  std::string batchnorm = "average";
  std::vector<std::string> pictures;  // sources for recompute; empty: the held-out set
  bool prune = false, full = false, rescore = false, retry_failed = false;
  fs::path base;

  bool recomputes() const { return batchnorm == "recompute" || batchnorm == "compare"; }
  // Whether the command needs LibTorch.
  bool built_in() const { return method == "uniform" ? recomputes() : has_held_out(); }
  bool has_held_out() const { return !held_out.empty() || !recipe.empty(); }
};

// Takes the words between --evaluator and a lone "--", or the end, out of a command line that
// begins with "soup": they are the evaluator's, whatever they look like. `rest` is what is left.
std::vector<std::string> take_evaluator_words(int argc, char** argv, std::vector<char*>& rest);

}  // namespace stockpot::cli
