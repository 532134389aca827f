// The tables of results, of search runs, and of classes and groups.
#include <algorithm>
#include <cmath>
#include <map>

#include "stockpot/base/text.h"
#include "stockpot/report/html_parts.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

// The range of a column's bars: from the lowest to the highest end of an interval.
struct Scale {
  double low = 1, high = 0;

  void include(const TableCell& cell) {
    if (!cell.value) return;
    low = std::min(low, cell.interval ? cell.interval->low : *cell.value);
    high = std::max(high, cell.interval ? cell.interval->high : *cell.value);
  }
  // Where a value stands, in percent of the bar.
  std::string at(double value) const {
    const double width = high - low;
    return fixed(width > 0 ? std::clamp((value - low) / width, 0.0, 1.0) * 100 : 50, 1) + "%";
  }
};

std::string bar(const TableCell& cell, const Scale& scale) {
  std::string text = "<span class=\"bar\" aria-hidden=\"true\">";
  if (cell.interval) {
    text += "<i style=\"left:" + scale.at(cell.interval->low) + ";right:calc(100% - " +
            scale.at(cell.interval->high) + ")\"></i>";
  }
  return text + "<b style=\"left:" + scale.at(*cell.value) + "\"></b></span>";
}

std::string result_cell(const TableCell& cell, const Scale& scale) {
  if (!cell.value) return "<td class=\"none\">–</td>";
  std::string text = cell.best ? "<td class=\"best\"" : "<td";
  if (cell.interval) {
    text += " title=\"95 % interval " + percent(cell.interval->low) + " to " +
            percent(cell.interval->high) +
            (cell.interval90 ? "; 90 % " + percent(cell.interval90->low) + " to " +
                                   percent(cell.interval90->high)
                             : "") +
            "\"";
  }
  text += "><span class=\"value\">" + percent(*cell.value) + "</span>";
  return text + "<span class=\"error\">" + plus_minus(cell) + "</span>" + bar(cell, scale) +
         "</td>";
}

std::string column_head(const TableColumn& column) {
  if (column.set.empty()) return "<th scope=\"col\" class=\"number\"><small>mean</small>OOD</th>";
  return "<th scope=\"col\" class=\"number\"><small>" + std::string(words(column.role).shown) +
         "</small>" + html(column.set) + "</th>";
}

std::string swatch(RowKind kind) {
  return "<span class=\"swatch " + std::string(words(kind).json) + "\"></span>";
}

bool starts_group(const ResultTable& table, std::size_t r) {
  if (r == 0 || table.rows[r].kind == table.rows[r - 1].kind) return false;
  return table.rows[r].kind > RowKind::lpft;
}

}  // namespace

std::string results_section(const RunReport& report, const ResultTable& table) {
  if (table.rows.empty()) return "";
  std::string text = "<div class=\"scroll\"><table class=\"results\">\n<thead><tr><th></th>";
  std::vector<Scale> scales(table.columns.size());
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    text += column_head(table.columns[c]);
    for (const TableRow& row : table.rows) scales[c].include(row.cells[c]);
  }
  if (table.several_seeds) text += "<th scope=\"col\">seeds</th>";
  text += "<th scope=\"col\"><small>passes</small>cost</th></tr></thead>\n<tbody>\n";
  for (std::size_t r = 0; r < std::min(table.rows.size(), kMostRows); ++r) {
    const TableRow& row = table.rows[r];
    text += starts_group(table, r) ? "<tr class=\"group\">" : "<tr>";
    text += "<th scope=\"row\">" + swatch(row.kind) + html(row.name) + "</th>";
    for (std::size_t c = 0; c < row.cells.size(); ++c) text += result_cell(row.cells[c], scales[c]);
    if (table.several_seeds) text += "<td class=\"count\">" + std::to_string(row.seeds) + "</td>";
    text += "<td class=\"count\">" + std::to_string(row.cost) + "</td></tr>\n";
  }
  text += "</tbody></table></div>\n" + cut_note(table.rows.size()) + "<p class=\"note\">";
  for (const std::string& note : table_notes(report, table)) text += html(note) + " ";
  text += "The bars of a column share one scale: dot = accuracy, line = interval.</p>\n";
  return section("results", "Results", text);
}

namespace {

// The names of all choices in these runs, in the order of first appearance.
std::vector<std::string> choice_names(const std::vector<const ReportedModel*>& runs) {
  std::vector<std::string> names;
  for (const ReportedModel* run : runs) {
    for (const auto& [name, value] : run->choices) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

// Best on held-out data first.
std::vector<const ReportedModel*> search_runs(const RunReport& report, const ResultTable& table) {
  const auto held_out = table.main_column(SetRole::held_out);
  std::vector<std::pair<double, const ReportedModel*>> keyed;
  for (const ReportedModel& model : report.models) {
    if (model.kind != RowKind::search) continue;
    const auto score =
        held_out ? model.scores.find(table.columns[*held_out].set) : model.scores.end();
    keyed.emplace_back(score == model.scores.end() ? -1 : score->second.accuracy.value(), &model);
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const ReportedModel*> runs;
  for (const auto& [key, run] : keyed) runs.push_back(run);
  return runs;
}

std::string search_row(const ReportedModel& run, const std::vector<std::string>& names,
                       const ResultTable& table, const RunReport& report) {
  std::string text = "<tr><th scope=\"row\">" + html(run.name) + "</th><td class=\"count\">" +
                     std::to_string(run.seed) + "</td>";
  for (const std::string& name : names) {
    const auto found = std::find_if(run.choices.begin(), run.choices.end(),
                                    [&](const auto& choice) { return choice.first == name; });
    text += "<td>" + (found == run.choices.end() ? "" : html(found->second)) + "</td>";
  }
  for (const TableColumn& column : table.columns) {
    const TableCell cell = cell_of(run, column, report);
    text += "<td class=\"number\">" + (cell.value ? percent(*cell.value) : "–") + "</td>";
  }
  return text + "</tr>\n";
}

}  // namespace

std::string search_section(const RunReport& report, const ResultTable& table) {
  std::vector<const ReportedModel*> runs = search_runs(report, table);
  if (runs.empty()) return "";
  const std::size_t count = runs.size();
  runs.resize(std::min(count, kMostRows));
  const std::vector<std::string> names = choice_names(runs);
  std::string text =
      "<p>The candidates of the soups, best on held-out data first.</p>\n"
      "<div class=\"scroll\"><table class=\"plain\">\n<thead><tr>"
      "<th scope=\"col\">run</th><th scope=\"col\" class=\"count\">seed</th>";
  for (const std::string& name : names) text += "<th scope=\"col\">" + html(name) + "</th>";
  for (const TableColumn& column : table.columns) text += column_head(column);
  text += "</tr></thead>\n<tbody>\n";
  for (const ReportedModel* run : runs) text += search_row(*run, names, table, report);
  return section("search", "Search runs", text + "</tbody></table></div>\n" + cut_note(count));
}

namespace {

using Parts = std::vector<std::pair<std::string, Accuracy>>;
using PartsOf = Parts SetScore::*;

constexpr std::size_t kMostParts = 200;

// Accuracy of one table row on each class or group of a set, counts summed over its runs.
std::map<std::string, Accuracy> summed(const TableRow& row, const std::string& set, PartsOf parts) {
  std::map<std::string, Accuracy> sums;
  for (const ReportedModel* run : row.runs) {
    const auto score = run->scores.find(set);
    if (score == run->scores.end()) continue;
    for (const auto& [name, accuracy] : score->second.*parts) {
      sums[name].correct += accuracy.correct;
      sums[name].total += accuracy.total;
    }
  }
  return sums;
}

struct PartsColumn {
  const TableRow* row;
  std::map<std::string, Accuracy> sums;
  double lowest = 2;
};

std::vector<PartsColumn> parts_columns(const ResultTable& table, const std::string& set,
                                       PartsOf parts) {
  std::vector<PartsColumn> columns;
  for (const TableRow& row : table.rows) {
    PartsColumn column{&row, summed(row, set, parts), 2};
    if (column.sums.empty()) continue;
    if (columns.size() == kMostMethods) break;
    for (const auto& [name, accuracy] : column.sums) {
      if (accuracy.total) column.lowest = std::min(column.lowest, accuracy.value());
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

// The names in the models' order; of very many, those with the lowest mean accuracy.
std::vector<std::string> part_names(const std::vector<PartsColumn>& columns, const std::string& set,
                                    PartsOf parts) {
  std::vector<std::string> names;
  for (const auto& [name, accuracy] : columns.front().row->runs.front()->scores.at(set).*parts) {
    names.push_back(name);
  }
  if (names.size() <= kMostParts) return names;
  std::map<std::string, double> sums;
  for (const PartsColumn& column : columns) {
    for (const auto& [name, accuracy] : column.sums) sums[name] += accuracy.value();
  }
  std::stable_sort(names.begin(), names.end(),
                   [&](const auto& a, const auto& b) { return sums[a] < sums[b]; });
  return names;
}

std::string part_cell(const PartsColumn& column, const std::string& name) {
  const auto found = column.sums.find(name);
  if (found == column.sums.end() || found->second.total == 0) return "<td class=\"none\">–</td>";
  const Accuracy& accuracy = found->second;
  const std::string worst = accuracy.value() == column.lowest ? " worst" : "";
  return "<td class=\"heat" + worst + "\" style=\"--a:" + fixed(accuracy.value(), 3) +
         "\" title=\"" + grouped(accuracy.correct) + " of " + grouped(accuracy.total) + "\">" +
         percent(accuracy.value()) + "</td>";
}

std::string parts_table(const ReportedSet& set, const ResultTable& table, PartsOf parts,
                        std::string_view what) {
  const std::vector<PartsColumn> columns = parts_columns(table, set.name, parts);
  if (columns.empty()) return "";
  std::vector<std::string> names = part_names(columns, set.name, parts);
  const std::size_t count = names.size();
  names.resize(std::min(count, kMostParts));
  std::string text = "<details><summary>" + html(set.name) + " <small>" +
                     std::string(words(set.role).shown) + " · " + std::to_string(count) + " " +
                     std::string(what) +
                     "</small></summary>\n<div class=\"scroll\">"
                     "<table class=\"plain\"><thead><tr><th></th>";
  for (const PartsColumn& column : columns) {
    text += "<th scope=\"col\" class=\"number\">" + html(column.row->name) + "</th>";
  }
  text += "</tr></thead>\n<tbody>\n";
  for (const std::string& name : names) {
    text += "<tr><th scope=\"row\">" + html(name) + "</th>";
    for (const PartsColumn& column : columns) text += part_cell(column, name);
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n" + cut_note(count, kMostParts) + "</details>\n";
}

}  // namespace

std::string parts_section(const RunReport& report, const ResultTable& table) {
  std::string text;
  for (const ReportedSet& set : report.sets) {
    text += parts_table(set, table, &SetScore::groups, "groups");
    text += parts_table(set, table, &SetScore::classes, "classes");
  }
  if (text.empty()) return "";
  return section("parts", "Classes and groups",
                 "<p>Accuracy in percent; ▾ marks the lowest of each column.</p>\n" + text);
}

}  // namespace stockpot
