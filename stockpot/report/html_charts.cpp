// The numbers that the charts of report.html draw, in percent.
#include <algorithm>
#include <map>

#include "stockpot/base/text.h"
#include "stockpot/report/cells.h"
#include "stockpot/report/html_parts.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

constexpr std::size_t kMostPoints = 5000;

Json percent_json(const std::optional<double>& value) {
  return value ? Json(100 * *value) : Json();
}

Json low_json(const TableCell& cell) {
  return cell.interval ? Json(100 * cell.interval->low) : Json();
}

Json high_json(const TableCell& cell) {
  return cell.interval ? Json(100 * cell.interval->high) : Json();
}

// A name of 255 bytes would leave no room for the chart.
std::string label(const std::string& untrusted) { return shorten(printable(untrusted), 36); }

std::string axis_title(const char* what, const TableColumn& column) {
  return std::string(what) +
         " accuracy (%): " + (column.set.empty() ? "mean of the sets" : label(column.set));
}

Json point(const ReportedModel& model, const TableCell& x, const TableCell& y, bool many_seeds) {
  Json json = Json::object({{"x", percent_json(x.value)}, {"y", percent_json(y.value)}});
  json.set("name", printable(model.name) +
                       (many_seeds ? ", seed " + std::to_string(model.seed) : std::string()));
  json.set("low", Json(Json::Array{low_json(x), low_json(y)}));
  json.set("high", Json(Json::Array{high_json(x), high_json(y)}));
  return json;
}

// One series a method, all search runs as one. Variants of one kind share its colour.
Json scatter(const RunReport& report, const ResultTable& table) {
  const auto x = table.main_column(SetRole::id_test), y = table.main_column(SetRole::ood);
  if (!x || !y) return {};
  Json series = Json::array();
  std::map<RowKind, int> variants;
  std::size_t points_left = kMostPoints;
  const auto add = [&](RowKind kind, const std::string& label,
                       const std::vector<const ReportedModel*>& runs) {
    Json points = Json::array();
    for (const ReportedModel* run : runs) {
      const TableCell across = cell_of(*run, table.columns[*x], report),
                      up = cell_of(*run, table.columns[*y], report);
      if (!across.value || !up.value || points_left == 0) continue;
      --points_left;
      points.push(point(*run, across, up, table.several_seeds));
    }
    if (points.items().empty()) return;
    series.push(Json::object({{"label", label},
                              {"kind", words(kind).json},
                              {"variant", variants[kind]++},
                              {"points", std::move(points)}}));
  };
  std::vector<const ReportedModel*> search;
  for (const MethodSummary& method : summarise(report)) {
    if (method.kind == RowKind::search) {
      search.insert(search.end(), method.runs.begin(), method.runs.end());
    } else {
      add(method.kind, label(method.name), method.runs);
    }
  }
  add(RowKind::search, "search runs", search);
  return Json::object({{"x", axis_title("ID", table.columns[*x])},
                       {"y", axis_title("OOD", table.columns[*y])},
                       {"series", std::move(series)}});
}

Json bars(const ResultTable& table) {
  Json sets = Json::array(), rows = Json::array();
  // Two lines a label: the set and its role.
  for (const TableColumn& column : table.columns) {
    const std::string role(words(column.role).shown);
    sets.push(column.set.empty() ? Json(Json::Array{"mean", "OOD"})
                                 : Json(Json::Array{label(column.set), role}));
  }
  std::map<RowKind, int> variants;
  for (const TableRow& row : table.rows) {
    if (row.runs.empty() || rows.items().size() == kMostMethods) continue;
    Json values = Json::array(), low = Json::array(), high = Json::array();
    for (const TableCell& cell : row.cells) {
      values.push(percent_json(cell.value));
      low.push(low_json(cell));
      high.push(high_json(cell));
    }
    rows.push(Json::object({{"label", label(row.name)},
                            {"kind", words(row.kind).json},
                            {"variant", variants[row.kind]++},
                            {"values", std::move(values)},
                            {"low", std::move(low)},
                            {"high", std::move(high)}}));
  }
  return Json::object({{"sets", std::move(sets)}, {"rows", std::move(rows)}});
}

Json accuracy_json(const Accuracy& accuracy) {
  return accuracy.total ? Json(100 * accuracy.value()) : Json();
}

Json ledger(const std::vector<LedgerLine>& lines) {
  Json points = Json::array();
  for (std::size_t i = 0; i < std::min(lines.size(), kMostRows); ++i) {
    const LedgerLine& line = lines[i];
    points.push(Json::object({{"name", printable(line.name)},
                              {"alone", accuracy_json(line.alone)},
                              {"after", accuracy_json(line.after)},
                              {"soup", accuracy_json(line.accepted ? line.after : line.before)},
                              {"accepted", line.accepted},
                              {"reason", printable(line.reason)}}));
  }
  return points;
}

}  // namespace

Json chart_data(const RunReport& report, const ResultTable& table) {
  Json ledgers = Json::array();
  for (const auto& [seed, lines] : report.ledgers) ledgers.push(ledger(lines));
  return Json::object({{"scatter", scatter(report, table)},
                       {"bars", bars(table)},
                       {"ledgers", std::move(ledgers)},
                       {"probe", probe_chart(report)}});
}

}  // namespace stockpot
