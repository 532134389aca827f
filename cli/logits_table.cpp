#include "cli/logits_table.h"

#include <algorithm>

#include "cli/named_sets.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/model_on_sets.h"

namespace stockpot::cli {
namespace {

// The stores of one model, by name of the set.
std::vector<std::string> sets_in(const fs::path& path) {
  if (!fs::is_directory(path)) return {kHeldOutName};
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

fs::path store_of(const fs::path& path, const std::string& set) {
  return fs::is_directory(path) ? path / (set + ".safetensors") : path;
}

// Stored logits of models on the same sets, checked as they are read: all models' are of the same
// rows, computed alike; those of one folder are of one model.
class StoredLogits {
 public:
  StoredLogits(std::vector<fs::path> paths, std::vector<std::string> sets)
      : paths_(std::move(paths)),
        sets_(std::move(sets)),
        wanted_(sets_.size()),
        models_(paths_.size()) {}

  Predictions on(std::size_t model, std::size_t set) {
    const fs::path file = store_of(paths_[model], sets_[set]);
    Predictions found = read_predictions(file);
    if (!wanted_[set]) wanted_[set] = first_rows(set);
    Predictions& wanted = *wanted_[set];
    wanted.model.clear();
    require(file, found, wanted, store_of(paths_.front(), sets_[set]));
    if (models_[model].name.empty()) models_[model] = {found.model, file};
    wanted.model = models_[model].name;
    require(file, found, wanted, models_[model].file);
    return found;
  }

 private:
  struct Model {
    std::string name;  // of its content; "" before a file named it
    fs::path file;     // that did
  };

  Predictions first_rows(std::size_t set) const {
    Predictions rows = read_predictions(store_of(paths_.front(), sets_[set]));
    rows.logits = {};
    return rows;
  }

  static void require(const fs::path& file, const Predictions& found, const Predictions& wanted,
                      const fs::path& other) {
    const std::string why = difference(found, wanted, Unsaid::accepted);
    if (!why.empty())
      throw FormatError(file, why + " as in " + printable(other.native()) +
                                  "; evaluate all models on the same sets in the same way");
  }

  std::vector<fs::path> paths_;
  std::vector<std::string> sets_;
  std::vector<std::optional<Predictions>> wanted_;  // by set: the first model's, without logits
  std::vector<Model> models_;
};

LogitsTable table_of_files(const std::vector<fs::path>& paths) {
  LogitsTable table;
  const std::vector<std::string> names = sets_in(paths.front());
  for (const fs::path& path : paths) {
    if (sets_in(path) != names)
      throw UsageError(printable(path.string()) + " holds logits of other sets than " +
                       printable(paths.front().string()));
    table.names.push_back(path.string());
  }
  for (const std::string& name : names) {
    const SetRole role = name == kHeldOutName ? SetRole::held_out
                         : name == "id"       ? SetRole::id_test
                                              : SetRole::ood;
    if (role == SetRole::held_out) table.held_out = table.sets.size();
    table.sets.push_back({name, role});
  }
  if (std::ranges::find(names, kHeldOutName) == names.end())
    throw UsageError(printable(paths.front().string()) +
                     " holds no val.safetensors: choices are made on held-out logits");
  table.on = [stored = std::make_shared<StoredLogits>(paths, names)](
                 std::size_t model, std::size_t set) { return stored->on(model, set); };
  return table;
}

}  // namespace

bool holds_logits(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path / "config.json", ignored)) return false;
  const bool folder = fs::is_directory(path, ignored);
  if (!folder && path.extension() != ".safetensors") return false;
  const std::vector<std::string> names = sets_in(path);
  // Weights without a config.json have such names, too.
  return !names.empty() && SafetensorsFile(store_of(path, names.front())).find("logits") != nullptr;
}

LogitsTable logits_table(const std::vector<fs::path>& paths, const AnalysisSets& sets,
                         const fs::path& store, const CommandLine& line, Progress& progress) {
  const auto stored = static_cast<std::size_t>(std::ranges::count_if(paths, holds_logits));
  if (stored == paths.size()) {
    if (sets.any()) throw UsageError("logits are of their own sets: leave out --val, --id, --ood");
    return table_of_files(paths);
  }
  if (stored > 0)
    throw UsageError("some of these are folders of models, others logits: give one kind");
  const ModelFolder first = ModelFolder::open(paths.front());
  LogitsOptions options;
  options.device = parse_device(line.device.value_or("cpu"));
  options.bf16 = line.bf16;
  options.folder = store;
  LogitsTable table;
  std::vector<NamedSet> loaded = load_named_sets(sets, first, progress);
  table.held_out = held_out_set(loaded, "a choice");
  for (const NamedSet& set : loaded) table.sets.push_back({set.name, set.role});
  for (const fs::path& path : paths) table.names.push_back(path.string());
  table.models = std::make_shared<ModelLogits>(paths, std::move(loaded), options, progress);
  table.on = [models = table.models](std::size_t model, std::size_t set) {
    return models->on(model, set);
  };
  return table;
}

}  // namespace stockpot::cli
