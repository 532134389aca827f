#include "cli/shift_sources.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/csv.h"
#include "stockpot/report/run_report.h"
#include "stockpot/report/words.h"

namespace stockpot::cli {
namespace {

using landscape::ShiftModel;
using landscape::ShiftScore;

// A model with its accuracies by set, before it is known which sets are wanted.
struct Found {
  ShiftModel model;
  std::map<std::string, ShiftScore> scores;
};

struct Results {
  std::vector<Found> models;
  std::vector<std::string> sets;                     // all of them, as they first appear
  std::vector<std::string> held_out, id_tests, ood;  // those of reports, by role

  void add(const std::string& set, std::vector<std::string>* role) {
    for (std::vector<std::string>* list : {&sets, role})
      if (list != nullptr && std::ranges::find(*list, set) == list->end()) list->push_back(set);
  }
};

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The learning rate that a model's run was made with: among its choices, or in the params.json of
// its trial.
std::optional<double> rate_of(const ReportedModel& model, const fs::path& run) {
  for (const auto& [name, value] : model.choices)
    if (name == "lr" || name == "learning rate") return number_of(value);
  if (model.folder.empty()) return std::nullopt;
  fs::path folder = fs::path(model.folder).lexically_normal();
  if (folder.is_relative() && !run.empty()) folder = run / folder;
  if (!folder.has_filename()) folder = folder.parent_path();  // "model/"
  const fs::path params = folder.parent_path() / "params.json";
  std::error_code ignored;
  if (!fs::exists(params, ignored)) return std::nullopt;
  const Json json = Json::read(params);
  const Json* settings = json.find("settings");
  const Json* rate = (settings != nullptr ? *settings : json).find("lr");
  if (rate == nullptr || !rate->is_number()) return std::nullopt;
  return rate->as_number();
}

bool is_single(RowKind kind) {
  return kind != RowKind::soup && kind != RowKind::ensemble && kind != RowKind::zero_shot;
}

// `run`: the folder that paths of models are relative to; empty for documents of eval.
void add_report(const fs::path& file, const fs::path& run, Results& results) {
  const RunReport report = report_from_json(Json::read(file), file);
  for (const ReportedSet& set : report.sets)
    results.add(set.name, set.role == SetRole::held_out  ? &results.held_out
                          : set.role == SetRole::id_test ? &results.id_tests
                                                         : &results.ood);
  for (const ReportedModel& model : report.models) {
    Found found;
    found.model.name = model.name;
    found.model.kind = run.empty() ? "model" : std::string(words(model.kind).json);
    found.model.single = run.empty() || is_single(model.kind);
    found.model.learning_rate = rate_of(model, run);
    for (const auto& [set, score] : model.scores)
      if (score.accuracy.total > 0)
        found.scores[set] = {score.accuracy.value(), score.accuracy.total};
    results.models.push_back(std::move(found));
  }
}

double accuracy_in(const CsvTable& table, const CsvTable::Row& row, std::size_t column) {
  const std::optional<double> value = number_of(row.fields[column]);
  if (value && *value >= 0 && *value <= 1) return *value;
  throw FormatError(printable(table.origin.string()) + ":" + std::to_string(row.line) + ": '" +
                    printable(row.fields[column]) + "' in column '" +
                    printable(table.header[column]) +
                    "' is no accuracy; expected a number from 0 to 1");
}

void add_table(const fs::path& file, const ShiftsArgs& args, Results& results) {
  const CsvTable table = read_csv(file);
  if (args.id.empty() || args.ood.empty())
    throw UsageError(
        printable(file.string()) +
        " is a table: --id COLUMN and --ood COLUMN say which of its columns are sets (" +
        printable(join(table.header, ", ")) + ")");
  const std::optional<std::size_t> listed = table.find_column("name");
  const std::size_t name = listed ? *listed : table.column("model");
  const std::optional<std::size_t> kind = table.find_column("kind"), rate = table.find_column("lr");
  std::vector<std::string> sets = args.ood;
  sets.insert(sets.begin(), args.id);
  for (const std::string& set : sets) {
    table.column(set);
    results.add(set, set == args.id ? &results.id_tests : &results.ood);
  }
  for (const CsvTable::Row& row : table.rows) {
    Found found;
    found.model.name = row.fields[name];
    found.model.kind = kind && !row.fields[*kind].empty() ? row.fields[*kind] : "run";
    found.model.single = std::ranges::none_of(kKinds, [&](const KindWords& known) {
      return !is_single(known.kind) && known.json == found.model.kind;
    });
    if (rate) found.model.learning_rate = number_of(row.fields[*rate]);
    for (const std::string& set : sets)
      if (const std::size_t column = table.column(set); !row.fields[column].empty())
        found.scores[set] = {accuracy_in(table, row, column), 0};
    results.models.push_back(std::move(found));
  }
}

void add_result(const fs::path& path, const ShiftsArgs& args, Results& results) {
  std::error_code ignored;
  const std::string ending = lower_ascii(path.extension().string());
  if (ending == ".csv" || ending == ".tsv") {
    add_table(path, args, results);
  } else if (fs::is_directory(path, ignored)) {
    if (!fs::exists(path / "results.json", ignored))
      throw UsageError(printable(path.string()) +
                       " holds no results.json. Score the models of a sweep first: stockpot eval "
                       "SWEEP/runs/*/model --id SOURCE --ood NAME=SOURCE --json > eval.json");
    add_report(path / "results.json", path, results);
  } else {
    add_report(path, path.filename() == "results.json" ? path.parent_path() : fs::path(), results);
  }
}

void require_set(const Results& results, const std::string& set) {
  if (std::ranges::find(results.sets, set) != results.sets.end()) return;
  const std::string near = nearest(set, results.sets);
  throw UsageError("the results have no set '" + printable(set) + "'; they have " +
                   printable(join(results.sets, ", ")) +
                   (near.empty() ? "" : "; did you mean " + printable(near) + "?"));
}

std::string id_set(const Results& results, const ShiftsArgs& args) {
  if (!args.id.empty()) {
    require_set(results, args.id);
    return args.id;
  }
  for (const std::vector<std::string>* list : {&results.id_tests, &results.held_out})
    if (list->size() == 1) return list->front();
  throw UsageError("which set is ID? Name it with --id; the results have " +
                   printable(join(results.sets, ", ")));
}

}  // namespace

landscape::ShiftTable read_results(const ShiftsArgs& args) {
  Results results;
  for (const fs::path& path : args.results) add_result(path, args, results);
  landscape::ShiftTable table;
  table.id_set = id_set(results, args);
  table.ood_sets = args.ood.empty() ? results.ood : args.ood;
  std::erase(table.ood_sets, table.id_set);
  for (const std::string& set : table.ood_sets) require_set(results, set);
  constexpr ShiftScore kUnknown{std::numeric_limits<double>::quiet_NaN(), 0};
  for (Found& found : results.models) {
    const auto score = [&](const std::string& set) {
      const auto entry = found.scores.find(set);
      return entry == found.scores.end() ? kUnknown : entry->second;
    };
    found.model.id = score(table.id_set);
    for (const std::string& set : table.ood_sets) found.model.ood.push_back(score(set));
    table.models.push_back(std::move(found.model));
  }
  return table;
}

}  // namespace stockpot::cli
