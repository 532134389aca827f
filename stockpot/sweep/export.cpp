#include "stockpot/sweep/export.h"

#include <algorithm>
#include <unordered_map>

#include "stockpot/base/error.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {
namespace {

using Cells = std::vector<std::pair<std::string, Json>>;

// Objects become one cell a member; empty names of members cannot clash with their parents.
void flatten(const std::string& name, const Json& value, Cells& cells) {
  if (!value.is_object()) {
    cells.emplace_back(name, value);
    return;
  }
  for (const auto& [key, member] : value.members()) flatten(name + "." + key, member, cells);
}

Cells result_cells(const fs::path& file) {
  Cells cells;
  std::error_code error;
  if (!fs::exists(file, error)) return cells;
  const Json result = Json::read(file);
  if (!result.is_object()) throw FormatError(file, "expected an object");
  for (const auto& [key, value] : result.members()) {
    const bool said_already = key == "id" || key == "seconds" || key == "schema_version";
    if (key != "inputs" && !said_already) flatten("result." + key, value, cells);
  }
  return cells;
}

Cells cells_of(const BoardRow& row, const Trial& trial, const fs::path& sweep) {
  Cells cells{{"id", row.id},
              {"state", name_of(row.state)},
              {"held_out", row.held_out ? Json(*row.held_out) : Json()},
              {"seconds", row.state == TrialState::done ? Json(row.seconds) : Json()},
              {"attempts", row.attempts},
              {"reason", row.reason.empty() ? Json() : Json(row.reason)}};
  flatten("params", trial.params, cells);
  if (row.state == TrialState::done)
    for (auto& cell : result_cells(trial_folder(sweep, trial.id) / "result.json"))
      cells.push_back(std::move(cell));
  return cells;
}

std::string csv_field(const Json& value) {
  if (value.is_null()) return "";
  const std::string text = value.is_string() ? value.as_string() : value.dump();
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

SweepTable sweep_table(const fs::path& sweep, const SweepPlan& plan) {
  const Board board = scan(sweep, plan.trials, plan.retries);
  std::vector<Cells> rows;
  SweepTable table;
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < plan.trials.size(); ++i) {
    rows.push_back(cells_of(board.rows[i], plan.trials[i], sweep));
    for (const auto& [name, value] : rows.back())
      if (places.emplace(name, table.columns.size()).second) table.columns.push_back(name);
  }
  for (const Cells& cells : rows) {
    std::vector<Json> row(table.columns.size());
    for (const auto& [name, value] : cells) row[places[name]] = value;
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string to_csv(const SweepTable& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    text += (i ? "," : "") + csv_field(table.columns[i]);
  text += "\r\n";
  for (const std::vector<Json>& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) text += (i ? "," : "") + csv_field(row[i]);
    text += "\r\n";
  }
  return text;
}

Json to_json(const SweepTable& table) {
  Json rows = Json::array();
  for (const std::vector<Json>& row : table.rows) {
    Json object = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) object.set(table.columns[i], row[i]);
    rows.push(std::move(object));
  }
  return Json::object({{"schema_version", 1}, {"rows", rows}});
}

}  // namespace stockpot
