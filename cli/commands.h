// The sub-commands, one file each. Arguments were checked for form by command_line.cpp; a
// command calls the library, prints its result to stdout and returns the exit code.
#pragma once

#include <any>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace stockpot::cli {

namespace fs = std::filesystem;

struct ReportArgs {
  fs::path run;  // a folder with results.json
  fs::path output;
};

struct ConfigArgs {
  std::string action;  // check, show, schema or presets
  fs::path recipe;
  std::vector<std::string> overrides;  // key.sub=value
  bool origin = false;
};

// A recipe, or the demo's own one.
struct RunArgs {
  fs::path recipe;
  std::vector<std::string> overrides;  // key.sub=value
  fs::path out;
  bool demo = false;
  bool plan_only = false;
  fs::path feature_cache;             // instead of the recipe's
  std::optional<std::uint64_t> seed;  // of training and search
  std::optional<std::int64_t> seeds;
};

// probe, finetune and lpft: one method on data named by flags.
struct MethodArgs {
  std::string method;  // "lp", "ft" or "lpft"
  fs::path model, out;
  std::vector<std::string> train, held_out, id, ood;  // sources; ood as NAME=SOURCE
  double held_out_fraction = 0;
  std::vector<double> learning_rates;
  std::vector<std::string> settings;  // key=value
  std::vector<std::string> batchnorm;
  std::string head;                // of finetune: FILE[,key=value...]; "": random
  std::string scaling = "global";  // of the probe's features
  fs::path feature_cache;          // "": in the run's folder
  std::uint64_t seed = 0;
  std::int64_t seeds = 1;
  bool plan_only = false;
};

struct EvalArgs {
  std::vector<fs::path> models;
  std::vector<std::string> held_out, id, ood;  // [NAME=]SOURCE
  fs::path recipe;                             // or the sets of this recipe, run or sweep
  bool skip_unreadable = false;
  fs::path logits;  // a file for one model and one set, else a folder
  bool by_class = false, by_group = false;
};

struct SoupArgs;      // soup_args.h
struct SweepRunArgs;  // cmd_sweep.h

struct VersionArgs {};

// One process that takes trials of a sweep.
struct SweepWorkerArgs {
  fs::path sweep;
  std::optional<std::size_t> index;  // only this trial and its needs
  std::int64_t max_trials = 0;       // 0: no limit
  bool wait = true;                  // for trials that others have
  bool self_requeue = false;
};

struct CommandLine;
// A command on checkpoints: its arguments are bound to the function (*_commands.cpp).
struct CheckpointCommand {
  std::function<int(const CommandLine&)> run;
};

// A command that stockpot-torch finds by its name (torch_commands.cpp).
struct TorchCommand {
  std::string name;
  std::any args;
};

struct CommandLine {
  std::variant<VersionArgs, CheckpointCommand, ReportArgs, ConfigArgs, RunArgs, MethodArgs,
               EvalArgs, std::shared_ptr<const SoupArgs>, std::shared_ptr<const SweepRunArgs>,
               SweepWorkerArgs, TorchCommand>
      command;
  bool json = false;
  bool quiet = false;
  std::int64_t threads = 0;  // 0: the machine's cores, or the recipe's
  std::optional<std::string> device;
  bool bf16 = false;
  std::string color = "auto";
  std::string text;                    // the command as typed, for logs
  std::vector<std::string> evaluator;  // the words behind --evaluator
};

// Parses the arguments. Returns an exit code instead when there is nothing to run: --help
// and usage errors, which are printed here.
std::variant<CommandLine, int> parse_command_line(int argc, char** argv);

// The commands that need no LibTorch.
int cmd_version(const CommandLine& line);
int cmd_report(const ReportArgs& args, const CommandLine& line);
int cmd_config(const ConfigArgs& args, const CommandLine& line);
int cmd_soup_uniform(const SoupArgs& args, const CommandLine& line);
int cmd_soup_search(const SoupArgs& args, const CommandLine& line);  // external, table

// Those that do; compiled into stockpot-torch only.
int cmd_run(const RunArgs& args, const CommandLine& line);
int cmd_method(const MethodArgs& args, const CommandLine& line);
int cmd_eval(const EvalArgs& args, const CommandLine& line);
int cmd_soup_greedy(const SoupArgs& args, const CommandLine& line);  // on pictures
int cmd_soup_uniform_pictures(const SoupArgs& args, const CommandLine& line);
int cmd_sweep_run(const SweepRunArgs& args, const CommandLine& line);
int cmd_sweep_worker(const SweepWorkerArgs& args, const CommandLine& line);

// Runs `body`; an exception becomes one message on stderr and its exit code.
template <typename Body>
int guarded(const Body& body);
int report_failure();  // of the exception in flight

template <typename Body>
int guarded(const Body& body) {
  try {
    return body();
  } catch (...) {
    return report_failure();
  }
}

}  // namespace stockpot::cli
