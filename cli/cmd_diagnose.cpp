// diagnose distortion: models over sets, batch by batch, into the accumulators of the study.
#include "cli/cmd_diagnose.h"

#include <array>
#include <iostream>
#include <set>
#include <system_error>

#include "cli/commands.h"
#include "cli/distortion_page.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/diagnose/distortion_json.h"
#include "stockpot/diagnose/distortion_text.h"
#include "stockpot/eval/feature_stream.h"
#include "stockpot/model/runtime.h"

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
                                         " dimensions, those of " + before.path.string() +
                                         " have " + std::to_string(before.feature_size) +
                                         ": distances need the same architecture");
    if (!(folder.preprocessing == before.preprocessing))
      throw FormatError(folder.path, "it prepares pictures otherwise than " + before.path.string() +
                                         " (size, crop, interpolation, mean or std): features of "
                                         "different inputs cannot be compared");
    if (&folder != &before && folder.labels != folders[1].labels)
      throw FormatError(folder.path, "its class names differ from those of " +
                                         folders[1].path.string() + "; diagnose it by itself");
  }
}

MatrixXd matrix_of(const Classifier& model, const std::string& name, std::int64_t rows,
                   std::int64_t columns) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name != name) continue;
    const at::Tensor value = parameter.value.detach().to(at::kCPU, at::kFloat).contiguous();
    return Eigen::Map<const RowMajor>(value.data_ptr<float>(), rows, columns).cast<double>();
  }
  throw FormatError(model.folder().path, "has no tensor " + name);
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

std::optional<double> statistics_change(const Classifier& before, const Classifier& after) {
  std::optional<double> most;
  for (const auto& [name, value] : after.buffers()) {
    if (!value.is_floating_point()) continue;  // counters of batches
    for (const auto& [other, first] : before.buffers())
      if (other == name && value.sizes() == first.sizes())
        most = std::max(most.value_or(0), value.sub(first).abs().max().item().toDouble());
  }
  return most;
}

DiagnosedModel diagnosed(const Classifier& model, const Classifier& before, const std::string& name,
                         const std::vector<std::string>& classes) {
  const ModelFolder& folder = model.folder();
  const auto rows = static_cast<std::int64_t>(folder.labels.size());
  DiagnosedModel out;
  out.name = name;
  out.folder = folder.path.string();
  out.features = folder.feature_size;
  out.head.weight = matrix_of(model, folder.head_weight, rows, folder.feature_size);
  out.head.bias = matrix_of(model, folder.head_bias, rows, 1);
  out.judges = folder.labels == classes;
  out.statistics_change = statistics_change(before, model);
  return out;
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
  const std::vector<std::string>& classes = models[1].labels();
  std::vector<DiagnosedModel> heads;
  const std::vector<std::string> names = short_names(models);
  for (std::size_t m = 0; m < models.size(); ++m)
    heads.push_back(diagnosed(models[m], models[0], names[m], classes));
  DistortionOptions options;
  options.span.share = args.share;
  if (args.rank) options.span.rank = *args.rank;
  options.seed = args.seed;
  DistortionStudy study(std::move(heads), classes, options);

  const auto pass = [&](const NamedSet& set, const std::string& what, const auto& visit) {
    EvalOptions how;
    how.bf16 = line.bf16;
    how.on_batch = [&](std::int64_t done, std::int64_t total) {
      progress.status(what + " on " + printable(set.name) + ": " + grouped(done) + "/" +
                      grouped(total));
    };
    stream_features(models, set.set, how, [&](const FeatureBatch& batch) {
      visit(FeatureRows{batch.labels, batch.features});
    });
  };
  for (const NamedSet& set : sets) {
    pass(set, "features", [&](const FeatureRows& rows) { study.add(set.name, rows); });
    study.finish_set(set.name);
    if (&set == &sets.front())
      pass(set, "nearest means", [&](const FeatureRows& rows) { study.add_id_again(rows); });
  }
  return study.result();
}

}  // namespace

int cmd_diagnose(const DiagnoseArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  check_place(args);
  const at::Device device = parse_device(line.device.value_or("cpu"));
  std::vector<ModelFolder> folders = {ModelFolder::open(args.before)};
  for (const fs::path& path : args.after) folders.push_back(ModelFolder::open(path));
  check_folders(folders);
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
