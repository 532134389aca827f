#include "cli/training_overlap.h"

#include <algorithm>

#include "cli/sources.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/pipeline/data_sets.h"

namespace stockpot::cli {
namespace {

// What the trials of a run were made from (pipeline/run_folder.h), with absolute paths.
constexpr const char* kMark = "run.json";

const Json& member(const Json& json, const char* name) {
  const Json* found = json.find(name);
  if (found == nullptr) throw FormatError(std::string(kMark) + " has no \"" + name + "\"");
  return *found;
}

// Data as Recipe::identity() writes them.
DataSpec spec_from(const Json& json) {
  DataSpec spec;
  for (const Json& source : member(json, "sources").items()) {
    if (source.find("corrupt") != nullptr)
      throw UsageError("its pictures were changed before they were trained on");
    SourceSpec& read = spec.sources.emplace_back();
    read.path = member(source, "path").as_string();
    read.splits = member(source, "splits").as_string();
    read.split = member(source, "split").as_string();
    read.root = member(source, "root").as_string();
  }
  for (const auto& [from, to] : member(json, "class_map").members())
    spec.class_map[from] = to.as_string();
  spec.skip_unreadable = member(json, "skip").as_bool();
  if (const Json* only = json.find("only_mapped")) spec.only_mapped = only->as_bool();
  return spec;
}

SplitOff split_from(const Json& json) {
  return {member(json, "fraction").as_number(), member(json, "seed").as_unsigned()};
}

// Without what was split off it.
ImageDataset training_set(const fs::path& run, Progress& progress) {
  const Json mark = Json::read(run / kMark);
  const Json& identity = member(mark, "identity");
  Recipe recipe;
  recipe.train = spec_from(member(identity, "train"));
  if (const Json& held_out = member(identity, "held_out"); held_out.find("sources") != nullptr)
    recipe.held_out = spec_from(held_out);
  else
    recipe.held_out_split = split_from(held_out);
  if (const Json* id_test = identity.find("id_test")) recipe.id_test_split = split_from(*id_test);
  return load_training_data(recipe, progress).train;
}

// The folders of the runs that the models are trials of, each once.
std::vector<fs::path> runs_of(const std::vector<fs::path>& models) {
  std::vector<fs::path> runs;
  for (const fs::path& model : models) {
    // RUN/runs/ID/model, or RUN/runs/ID.
    fs::path folder = fs::absolute(model).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    for (int i = 0; i < 3 && folder.has_relative_path(); ++i, folder = folder.parent_path()) {
      const fs::path run = folder.parent_path();
      std::error_code ignored;
      if (folder.filename() != "runs" || !fs::exists(run / kMark, ignored)) continue;
      if (std::ranges::find(runs, run) == runs.end()) runs.push_back(run);
      break;
    }
  }
  return runs;
}

}  // namespace

std::vector<std::string> overlap_warnings(const std::vector<std::string>& train,
                                          const std::vector<fs::path>& models,
                                          const HeldOut& held_out, const std::string& consequence,
                                          Progress& progress) {
  std::vector<std::string> warnings;
  const auto compare = [&](const ImageDataset& seen, const std::string& whose) {
    const std::int64_t shared = shared_images(seen, held_out.set);
    if (shared > 0)
      warnings.push_back(grouped(shared) + " of " + grouped(held_out.set.size()) +
                         " held-out pictures are also in the training set" + whose +
                         ", pixel for pixel: " + consequence);
  };
  if (train == std::vector<std::string>{"none"}) return warnings;
  if (!train.empty()) {
    progress.status("reading the training pictures");
    LoadOptions options;
    options.memory_budget = 0;  // their hashes are all that is wanted
    DataSpec spec = parse_sources(train);
    spec.skip_unreadable = true;
    compare(ImageDataset::load(spec, options), "");
    return warnings;
  }
  for (const fs::path& run : runs_of(models)) {
    const auto unknown = [&](const std::string& why) {
      warnings.push_back("whether held-out pictures are in the training set of " +
                         printable(run.string()) + " is not known, it could not be read: " + why +
                         "; --train SOURCE names it");
    };
    progress.status("reading the training pictures of " + printable(run.string()));
    try {
      compare(training_set(run, progress), " of " + printable(run.string()));
    } catch (const FormatError& error) {
      unknown(error.what());
    } catch (const UsageError& error) {
      unknown(error.what());
    }
  }
  return warnings;
}

}  // namespace stockpot::cli
