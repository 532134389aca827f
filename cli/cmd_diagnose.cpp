// diagnose distortion: models over sets, batch by batch, into the accumulators of the study.
#include "cli/cmd_diagnose.h"

#include <array>
#include <iostream>
#include <set>
#include <system_error>

#include "cli/distortion_page.h"
#include "cli/recipe_sets.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/diagnose/distortion_json.h"
#include "stockpot/diagnose/distortion_text.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/measure_distortion.h"

namespace stockpot::cli {
namespace {

using namespace diagnose;

constexpr std::array kOutputs = {"distortion.json", "distortion.html"};

void check_place(const DiagnoseArgs& args) {
  if (args.out.empty() || args.overwrite) return;
  for (const char* name : kOutputs) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(args.out / name, ignored)))
      throw UsageError(printable((args.out / name).string()) +
                       " exists; --overwrite replaces it, or give another folder to -o");
  }
}

// What must agree before distances between their features mean anything.
void check_folders(const std::vector<ModelFolder>& folders) {
  const ModelFolder& before = folders.front();
  for (const ModelFolder& folder : folders) {
    if (folder.feature_size != before.feature_size)
      throw FormatError(folder.path, "its features have " + std::to_string(folder.feature_size) +
                                         " dimensions, those of " +
                                         printable(before.path.string()) + " have " +
                                         std::to_string(before.feature_size) +
                                         ": distances need the same architecture");
    if (!(folder.preprocessing == before.preprocessing))
      throw FormatError(folder.path, "it prepares pictures otherwise than " +
                                         printable(before.path.string()) +
                                         " (size, crop, interpolation, mean or std): features of "
                                         "different inputs cannot be compared");
    if (&folder != &before && folder.labels != folders[1].labels)
      throw FormatError(folder.path, "its class names differ from those of " +
                                         printable(folders[1].path.string()) +
                                         "; diagnose it by itself");
  }
}

// Names of tables: the folder's own name, with that of its parent for the folder `model` of a run;
// whole paths when these are not unique.
std::vector<std::string> short_names(const std::vector<Classifier>& models) {
  std::vector<std::string> names, whole;
  for (const Classifier& model : models) {
    whole.push_back(model.folder().path.string());
    fs::path path = fs::path(whole.back()).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "model/"
    if (path.filename() == "model" && path.parent_path().has_filename()) path = path.parent_path();
    names.push_back(path.filename().string());
  }
  const std::set<std::string> unique(names.begin(), names.end());
  return unique.size() == names.size() ? names : whole;
}

struct NamedSet {
  std::string name;
  ImageDataset set;
};

std::vector<NamedSet> load_sets(const DiagnoseArgs& args, const std::vector<std::string>& classes,
                                TerminalProgress& progress) {
  std::vector<NamedSet> sets;
  LoadOptions options;
  options.classes = classes;
  const auto add = [&](const std::string& name, DataSpec spec) {
    spec.skip_unreadable = args.skip_unreadable;
    progress.status("reading " + printable(name));
    sets.push_back({name, ImageDataset::load(spec, options)});
    if (const std::int64_t skipped = sets.back().set.skipped())
      progress.say(printable(name) + ": " + grouped(skipped) + " unreadable pictures left out");
  };
  add("ID", parse_sources(args.id));
  for (const auto& [name, spec] : parse_named_sources(args.ood)) {
    if (name == "ID") throw UsageError("an OOD set cannot be called ID; give it another name");
    add(name, spec);
  }
  return sets;
}

Distortion measure(std::vector<Classifier>& models, const std::vector<NamedSet>& sets,
                   const DiagnoseArgs& args, const CommandLine& line, TerminalProgress& progress) {
  DistortionRequest request;
  request.names = short_names(models);
  for (const NamedSet& set : sets) request.sets.emplace_back(set.name, &set.set);
  request.options.span.share = args.share;
  if (args.rank) request.options.span.rank = *args.rank;
  request.options.seed = args.seed;
  request.layers = args.layers;
  request.bf16 = line.bf16;
  return measure_distortion(models, request, progress);
}

}  // namespace

int cmd_diagnose(const DiagnoseArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  check_place(args);
  const at::Device device = parse_device(line.device.value_or("cpu"));
  std::vector<ModelFolder> folders = {ModelFolder::open(args.before)};
  for (const fs::path& path : args.after) folders.push_back(ModelFolder::open(path));
  check_folders(folders);
  for (const std::string& note : assumptions_about(folders[1])) progress.say("note: " + note);
  const std::vector<NamedSet> sets = load_sets(args, folders[1].labels, progress);
  std::vector<Classifier> models;
  for (const ModelFolder& folder : folders) {
    models.push_back(Classifier::load(folder));
    models.back().to(device);
  }
  const Distortion distortion = measure(models, sets, args, line, progress);
  const std::string json = to_json(distortion).dump(2) + "\n";
  if (!args.out.empty()) {
    std::error_code error;
    fs::create_directories(args.out, error);
    if (error) throw WriteError(args.out, "create the folder", error.value());
    write_file(args.out / kOutputs[0], json);
    write_file(args.out / kOutputs[1], distortion_page(distortion));
  }
  if (line.json) {
    std::cout << json;
    return 0;
  }
  std::cout << distortion_text(distortion, static_cast<std::size_t>(terminal_width()));
  if (!args.out.empty())
    std::cout << "\npage: " << printable((args.out / kOutputs[1]).string()) << "\n";
  return 0;
}

}  // namespace stockpot::cli
