#include "stockpot/pipeline/mechanism_stage.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/diagnose/distortion_json.h"
#include "stockpot/diagnose/distortion_text.h"
#include "stockpot/diagnose/reading.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/pipeline/measure_distortion.h"
#include "stockpot/pipeline/mechanism_seeds.h"
#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/recipe/trials.h"
#include "stockpot/report/comparisons.h"
#include "stockpot/report/table.h"

namespace stockpot {
namespace {

constexpr const char* kFile = "mechanism.json";

using Models = std::vector<const TrainedModel*>;

struct Subjects {
  const TrainedModel* probe = nullptr;
  std::vector<Models> seeds;  // of each: FT, then LP-FT
};

// As many seeds as every method has.
Subjects subjects_of(const std::vector<TrainedModel>& models) {
  Subjects subjects;
  std::vector<Models> methods;
  for (const RowKind kind : {RowKind::ft, RowKind::lpft})
    for (const TrainedModel& model : models) {
      if (model.id == kProbeTrial) subjects.probe = &model;
      if (model.kind != kind) continue;
      MethodSummary method;
      method.method = model.method;
      if (kind == RowKind::ft && !is_plain_ft(method)) continue;
      const auto same = std::ranges::find_if(
          methods, [&](const Models& one) { return one.front()->method == model.method; });
      if (same == methods.end())
        methods.push_back({&model});
      else
        same->push_back(&model);
    }
  if (methods.empty()) return subjects;
  const auto fewest = std::ranges::min(methods, {}, &Models::size).size();
  for (std::size_t seed = 0; seed < fewest; ++seed) {
    subjects.seeds.emplace_back();
    for (const Models& method : methods) subjects.seeds.back().push_back(method[seed]);
  }
  return subjects;
}

struct MeasuredSet {
  std::string name;    // in the tables
  std::string stored;  // among the stored logits
  const ImageDataset* set = nullptr;
};

std::vector<MeasuredSet> sets_of(const DataSets& data) {
  std::vector<MeasuredSet> sets;
  const bool has_id = !data.tests.empty() && !data.tests.front().ood;
  if (!has_id) sets.push_back({"ID (val)", kHeldOutName, &data.held_out.set});
  for (const TestSet& test : data.tests)
    sets.push_back({test.ood ? test.name : "ID", test.name, &test.set});
  return sets;
}

// What the measurement depends on: equal inputs, equal numbers.
Json inputs_of(const TrainContext& context, const Subjects& subjects,
               const std::vector<MeasuredSet>& sets) {
  Json inputs = Json::object({{"identity", context.identity}, {"bf16", context.recipe.bf16}});
  Json models = Json::object(), rows = Json::object();
  const auto add = [&](const TrainedModel& model) {
    models.set(model.id, sha256_of_file(model.folder / "result.json"));
  };
  if (subjects.probe) add(*subjects.probe);
  for (const Models& seed : subjects.seeds)
    for (const TrainedModel* model : seed) add(*model);
  for (const MeasuredSet& one : sets) {
    const ImageDataset& set = *one.set;
    std::string ids;
    for (std::int64_t i = 0; i < set.size(); ++i)
      ids += set.id(i) + '\0' + std::to_string(set.label(i)) + '\0' +
             std::to_string(set.content_hash(i)) + '\n';
    rows.set(one.name, sha256(ids));
  }
  inputs.set("models", models);
  inputs.set("sets", rows);
  return inputs;
}

std::optional<Mechanism> measured_earlier(const fs::path& file, const Json& inputs) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  try {
    Mechanism mechanism = mechanism_from_json(Json::read(file), file);
    const Json* there = mechanism.numbers.is_object() ? mechanism.numbers.find("inputs") : nullptr;
    if (!there || !(*there == inputs)) return std::nullopt;
    return mechanism;
  } catch (const FormatError&) {
    return std::nullopt;  // it is about to be replaced
  }
}

std::string choice_of(const TrainedModel& model, const std::string& name) {
  for (const auto& [key, value] : model.choices)
    if (key == name) return value;
  return "-";
}

// Accuracy and what was chosen, model by model.
TitledTable models_table(const Subjects& subjects, const RunReport& report) {
  TitledTable table{.title = "The models",
                    .columns = {"model", "seed"},
                    .rows = {},
                    .names = 1,
                    .note =
                        "Accuracy in percent. Chosen on held-out data. BatchNorm: largest "
                        "change of a running statistic; 0 when they were frozen."};
  const ResultTable results = result_table(report);
  for (const TableColumn& column : results.columns)
    table.columns.push_back(column.set.empty() ? "mean OOD" : column.set);
  for (const char* name : {"C", "lr", "best epoch", "BatchNorm"}) table.columns.push_back(name);
  const auto add = [&](const TrainedModel& model) {
    std::vector<std::string> row = {model.name, std::to_string(model.seed)};
    const auto reported =
        std::find_if(report.models.begin(), report.models.end(), [&](const ReportedModel& one) {
          return one.method == model.method && one.seed == static_cast<std::int64_t>(model.seed);
        });
    for (const TableColumn& column : results.columns) {
      const TableCell cell =
          reported == report.models.end() ? TableCell{} : cell_of(*reported, column, report);
      row.push_back(cell.value ? percent(*cell.value) : "-");
    }
    for (const char* name : {"C", "lr", "best epoch", "largest change of BatchNorm statistics"})
      row.push_back(choice_of(model, name));
    table.rows.push_back(std::move(row));
  };
  if (subjects.probe) add(*subjects.probe);
  for (const Models& seed : subjects.seeds)
    for (const TrainedModel* model : seed) add(*model);
  return table;
}

// Of each of these seeds, all in one pass over the pictures.
std::vector<diagnose::Distortion> measure(const TrainContext& context, const TrainedModel* probe,
                                          std::span<const Models> seeds,
                                          const std::vector<MeasuredSet>& sets) {
  DistortionRequest request;
  request.bf16 = context.recipe.bf16;
  for (const MeasuredSet& one : sets) request.sets.emplace_back(one.name, one.set);
  std::vector<Classifier> networks;
  const auto load = [&](const TrainedModel& model) {
    networks.push_back(Classifier::load(ModelFolder::open(model.folder / "model")));
    networks.back().to(context.pretrained.device());
    request.names.push_back(model.name);
  };
  if (probe) {
    load(*probe);
  } else {
    networks.push_back(context.pretrained.clone());
    request.names.push_back("pretrained");
  }
  Models afters;
  std::vector<std::size_t> counts;
  for (const Models& seed : seeds) {
    for (const TrainedModel* model : seed) load(*model);
    afters.insert(afters.end(), seed.begin(), seed.end());
    counts.push_back(seed.size());
  }
  const auto store = [&](std::size_t model, std::size_t set) {
    return logits_file(afters[model - 1]->folder, sets[set].stored);
  };
  // The probe's logits come from features that are kept.
  request.wants_predictions = [&](std::size_t model, std::size_t set) {
    return model > 0 && !stored_predictions(store(model, set), *sets[set].set);
  };
  std::vector<std::string> keys(networks.size());
  request.on_predictions = [&](std::size_t model, std::size_t set, Predictions predictions) {
    if (keys[model].empty()) keys[model] = model_key(networks[model].folder());
    predictions.model = keys[model];
    store_predictions(store(model, set), predictions);
  };
  std::vector<diagnose::Distortion> distortions =
      measure_distortions(networks, counts, request, context.progress);
  for (diagnose::Distortion& distortion : distortions)
    for (std::string& folder : distortion.folders)
      if (const fs::path inside = fs::path(folder).lexically_relative(context.folder.path());
          !inside.empty() && *inside.begin() != "..")
        folder = inside.string();
  return distortions;
}

}  // namespace

std::optional<Mechanism> measure_mechanism(const TrainContext& context,
                                           const std::vector<TrainedModel>& models) {
  const Subjects subjects = subjects_of(models);
  if (subjects.seeds.empty()) return std::nullopt;
  const std::vector<MeasuredSet> sets = sets_of(context.data);
  const Json inputs = inputs_of(context, subjects, sets);
  const fs::path file = context.folder.path() / kFile;
  if (auto earlier = measured_earlier(file, inputs)) return earlier;

  std::vector<diagnose::Distortion> seeds;
  const std::size_t step = std::max<std::size_t>(
      1, models_at_once(context) / std::max<std::size_t>(1, subjects.seeds.front().size()));
  for (std::size_t first = 0; first < subjects.seeds.size(); first += step) {
    const std::span<const Models> some(subjects.seeds.data() + first,
                                       std::min(step, subjects.seeds.size() - first));
    for (diagnose::Distortion& one : measure(context, subjects.probe, some, sets))
      seeds.push_back(std::move(one));
  }
  Mechanism mechanism;
  mechanism.reading = diagnose::reading(seeds.front());
  if (seeds.size() > 1) {
    mechanism.reading.push_back("These lines are of the first seed; the table over " +
                                std::to_string(seeds.size()) +
                                " seeds says how far the others agree.");
    mechanism.tables.push_back(over_seeds(seeds));
  }
  for (TitledTable& table : diagnose::tables(seeds.front()))
    mechanism.tables.push_back(std::move(table));
  mechanism.numbers = diagnose::to_json(seeds.front());
  Json later = Json::array();
  for (std::size_t i = 1; i < seeds.size(); ++i) later.push(diagnose::to_json(seeds[i]));
  mechanism.numbers.set("later_seeds", later);
  mechanism.numbers.set("inputs", inputs);
  write_file(file, to_json(mechanism).dump(2) + "\n");
  return mechanism;
}

void add_models_table(const std::vector<TrainedModel>& models, const RunReport& report,
                      Mechanism& mechanism) {
  mechanism.tables.insert(mechanism.tables.begin(), models_table(subjects_of(models), report));
}

}  // namespace stockpot
