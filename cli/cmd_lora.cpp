// lora merge BASE ADAPTER, lora soup ADAPTERS...
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <numeric>

#include "cli/lora_manifest.h"
#include "cli/terminal.h"
#include "cli/write_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/lora_fold.h"
#include "stockpot/merge/lora_soup.h"
#include "stockpot/merge/manifest.h"

namespace stockpot::cli {
namespace {

struct LoraArgs {
  fs::path base, out;
  std::vector<fs::path> adapters;
  std::vector<double> weights;
  double scale = 1;
  std::int64_t rank = 0;  // 0: exact
  bool allow_different_base = false;
  OpenFlags open;
  OutputFlags output;
};

Json paths_of(const std::vector<fs::path>& paths) {
  Json list = Json::array();
  for (const fs::path& path : paths) list.push(path.string());
  return list;
}

// As given, divided by their sum; equal ones when none are given.
std::vector<double> normalised(const std::vector<double>& given, std::size_t adapters) {
  if (given.empty()) return std::vector<double>(adapters, 1.0 / static_cast<double>(adapters));
  if (given.size() != adapters)
    throw UsageError("--weights has " + counted(given.size(), "number") + " for " +
                     counted(adapters, "adapter"));
  const double sum = std::accumulate(given.begin(), given.end(), 0.0);
  if (!std::isfinite(sum) || sum == 0)
    throw UsageError("--weights sum to " + shortest(sum) + "; they are divided by their sum");
  std::vector<double> weights;
  for (const double weight : given) weights.push_back(weight / sum);
  return weights;
}

std::vector<LoraAdapter> open_adapters(const LoraArgs& args) {
  std::vector<LoraAdapter> adapters;
  for (const fs::path& path : args.adapters)
    adapters.push_back(LoraAdapter::open(path, args.open.options()));
  if (!args.allow_different_base) require_same_base(adapters);
  return adapters;
}

std::string adapters_text(const std::vector<LoraAdapter>& adapters,
                          const std::vector<double>& weights) {
  std::string text;
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    std::int64_t lowest = adapters[i].modules.front().rank, highest = lowest;
    for (const LoraModule& module : adapters[i].modules) {
      lowest = std::min(lowest, module.rank);
      highest = std::max(highest, module.rank);
    }
    text += "add    " + shortest(weights[i]) + " of " + printable(adapters[i].path.string()) +
            ": " + counted(adapters[i].modules.size(), "module") + " of rank " +
            std::to_string(lowest) + (highest > lowest ? " to " + std::to_string(highest) : "") +
            (adapters[i].whole.empty()
                 ? ""
                 : ", " + counted(adapters[i].whole.size(), "tensor") + " trained whole") +
            "\n";
  }
  return text;
}

void say_plan(const std::string& text, const LoraArgs& args, const CommandLine& line,
              TerminalProgress& progress) {
  if (line.json) return;
  if (args.output.dry_run)
    std::cout << text;
  else
    progress.say(std::string(trim(text)));
}

// The result on stdout; `rest` stands under the line that says what was written.
void print(const Json& json, const OutputPlace& place, const WrittenCheckpoint& written,
           const std::string& rest, const CommandLine& line) {
  if (line.json)
    std::cout << json.dump(2) << "\n";
  else
    std::cout << printable(place.path.string()) << ": " << human_bytes(written.bytes) << " in "
              << counted(written.files.size(), "file") << "\n"
              << rest;
}

void put_manifest(const LoraManifestFacts& facts, const fs::path& written) {
  write_file(manifest_path(written), lora_manifest(facts, written).dump(2) + "\n");
}

// The adapters into the base: lora merge, and lora soup --base.
int fold(const LoraArgs& args, const std::vector<double>& weights, const CommandLine& line) {
  OutputOptions options = args.output.options();
  const std::vector<LoraAdapter> adapters = open_adapters(args);
  const Checkpoint base = Checkpoint::open(args.base, args.open.options());
  const Container usual =
      base.format() == CheckpointFormat::safetensors ? Container::safetensors : Container::torch;
  const OutputPlace place =
      output_place(args.out, args.base, args.output.container(), args.output.overwrite, usual);
  const LoraFold folded(base, adapters,
                        {.weights = weights,
                         .scale = args.scale,
                         .dtype = args.output.type(),
                         .container = place.container});
  const ConversionPlan& plan = folded.plan();
  std::string text =
      "read   " + printable(args.base.string()) + ": " + counted(plan.outputs.size(), "tensor") +
      ", " + human_bytes(plan.bytes_to_read()) + "\n" + adapters_text(adapters, weights) +
      "write  " + printable(place.path.string()) + ": " + human_bytes(plan.bytes_to_write()) +
      ", " + counted(folded.changed(), "tensor") + " changed, " +
      counted(folded.replaced(), "tensor") + " replaced\n";
  for (const std::string& note : plan.notes) text += "note   " + printable(note) + "\n";
  TerminalProgress progress(line.quiet);
  say_plan(text, args, line, progress);
  Json json = Json::object({{"schema_version", 1},
                            {"command", args.adapters.size() > 1 ? "lora soup" : "lora merge"},
                            {"base", args.base.string()},
                            {"adapters", paths_of(args.adapters)},
                            {"output", args.out.string()},
                            {"dry_run", args.output.dry_run},
                            {"scale", args.scale},
                            {"tensors", static_cast<std::int64_t>(plan.outputs.size())},
                            {"changed", static_cast<std::int64_t>(folded.changed())},
                            {"replaced", static_cast<std::int64_t>(folded.replaced())},
                            {"notes", json_list(plan.notes)}});
  Json used = Json::array();
  for (const double weight : weights) used.push(weight);
  json.set("weights", std::move(used));
  if (args.output.dry_run) {
    if (line.json) std::cout << json.dump(2) << "\n";
    return 0;
  }
  options.metadata = base.metadata();
  options.metadata.emplace("format", "pt");
  const LoraManifestFacts facts{args.adapters.size() > 1 ? "lora soup" : "lora merge",
                                Json::object({{"scale", args.scale}}), args.adapters, weights,
                                args.base};
  const WrittenCheckpoint written = write_output(
      place, plan.outputs, options,
      [&](CheckpointWriter& writer) { folded.write(writer, progress); },
      [&](const fs::path& folder) { put_manifest(facts, folder); });
  if (!place.folder) put_manifest(facts, place.path);
  json.set("files", json_list(written.files));
  json.set("bytes", written.bytes);
  print(json, place, written, "", line);
  return 0;
}

std::string truncation_table(const std::vector<LoraSoup::Truncation>& truncations) {
  if (truncations.empty()) return "";
  TextTable table({{.title = "module", .shrinks = true},
                   {.title = "rank", .right = true},
                   {.title = "cut to", .right = true},
                   {.title = "relative error", .right = true}});
  double worst = 0;
  for (const LoraSoup::Truncation& cut : truncations) {
    worst = std::max(worst, cut.error);
    table.add({printable(cut.module), std::to_string(cut.from), std::to_string(cut.to),
               significant(cut.error, 3)});
  }
  return "cut by SVD; largest relative error " + significant(worst, 3) + "\n" +
         table.text(static_cast<std::size_t>(terminal_width()));
}

Json truncation_json(const std::vector<LoraSoup::Truncation>& truncations) {
  Json list = Json::array();
  for (const LoraSoup::Truncation& cut : truncations)
    list.push(Json::object({{"module", cut.module},
                            {"rank", cut.from},
                            {"cut_to", cut.to},
                            {"relative_error", cut.error}}));
  return list;
}

// The mean as an adapter of its own.
int soup(const LoraArgs& args, const std::vector<double>& weights, const CommandLine& line) {
  const std::vector<LoraAdapter> adapters = open_adapters(args);
  OutputPlace place =
      output_place(args.out, args.adapters.front(), args.output.container(), args.output.overwrite);
  if (!place.folder)
    throw UsageError(printable(args.out.string()) +
                     ": an adapter is a folder (a name without an ending)");
  // The card and the configuration of one adapter are not those of the mean.
  std::erase_if(place.companions.names, [](const std::string& name) {
    return name == "adapter_config.json" || name == "README.md";
  });
  LoraSoupOptions options;
  options.weights = weights;
  options.dtype = args.output.type();
  if (args.rank > 0) options.rank = args.rank;
  const LoraSoup mean(adapters, options);
  TerminalProgress progress(line.quiet);
  say_plan(adapters_text(adapters, weights) + "write  " + printable(place.path.string()) + ": " +
               counted(mean.tensors().size(), "tensor") + ", " +
               (args.rank > 0 ? "ranks up to " + std::to_string(args.rank)
                              : std::string("exact, ranks added up")) +
               "\n",
           args, line, progress);
  Json json = Json::object({{"schema_version", 1},
                            {"command", "lora soup"},
                            {"adapters", paths_of(args.adapters)},
                            {"output", args.out.string()},
                            {"dry_run", args.output.dry_run},
                            {"tensors", static_cast<std::int64_t>(mean.tensors().size())}});
  if (args.output.dry_run) {
    if (line.json) std::cout << json.dump(2) << "\n";
    return 0;
  }
  std::vector<LoraSoup::Truncation> truncations;
  const WrittenCheckpoint written = write_output(
      place, mean.tensors(), args.output.options(),
      [&](CheckpointWriter& writer) { truncations = mean.write(writer); },
      [&](const fs::path& folder) {
        write_file(folder / "adapter_config.json", mean.config().dump(2) + "\n");
        put_manifest({"lora soup", Json::object({{"rank", args.rank}}), args.adapters, weights, {}},
                     folder);
      });
  json.set("truncations", truncation_json(truncations));
  json.set("files", json_list(written.files));
  json.set("bytes", written.bytes);
  print(json, place, written, truncation_table(truncations), line);
  return 0;
}

int run(const LoraArgs& args, const CommandLine& line) {
  if (line.threads > 0) set_threads(static_cast<int>(line.threads));
  if (!std::isfinite(args.scale)) throw UsageError("--scale is not a finite number");
  const std::vector<double> weights = normalised(args.weights, args.adapters.size());
  if (args.base.empty()) return soup(args, weights, line);
  if (args.rank > 0)
    throw UsageError("--rank is for an adapter as output; with --base the mean is added exactly");
  return fold(args, weights, line);
}

std::shared_ptr<LoraArgs> add(CLI::App& command, CommandLine& line) {
  const auto args = std::make_shared<LoraArgs>();
  add_common(command, line);
  add_threads(command, line);
  command.add_option("-o,--output", args->out, "A folder, or a file of weights")->required();
  add_open_flags(command, args->open);
  add_output_flags(command, args->output);
  command.callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run(*args, parsed); }};
  });
  return args;
}

}  // namespace

void add_lora(CLI::App& app, CommandLine& line) {
  CLI::App* lora = app.add_subcommand("lora", "LoRA adapters as peft saves them");
  lora->require_subcommand(1);
  CLI::App* command = lora->add_subcommand("merge", "Add an adapter to its base model");
  const auto merge = add(*command, line);
  command->add_option("BASE", merge->base, "The model that the adapter was trained on")->required();
  command->add_option("ADAPTER", merge->adapters, "Folder of the adapter")->required()->expected(1);
  command->add_option("--scale", merge->scale, "Multiplies the low-rank changes (1)");

  command = lora->add_subcommand(
      "soup", "The mean of adapters, exactly: as one adapter, or added to their base");
  const auto soup = add(*command, line);
  command->add_option("ADAPTERS", soup->adapters, "Folders of adapters")->required();
  command->add_option("--weights", soup->weights, "One for each adapter; divided by their sum")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--base", soup->base, "Add the mean to this model instead");
  command
      ->add_option("--rank", soup->rank,
                   "Cut the mean to this rank by SVD, and say what is lost; exact, ranks added up")
      ->check(CLI::Range(1, 1'000'000));
  command->add_flag("--allow-different-base", soup->allow_different_base,
                    "Although the adapters name different base models");
}

}  // namespace stockpot::cli
