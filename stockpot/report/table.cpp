#include "stockpot/report/table.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "stockpot/base/text.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

using Runs = std::vector<const ReportedModel*>;

std::vector<TableColumn> columns_of(const RunReport& report) {
  std::vector<TableColumn> columns;
  std::size_t shifts = 0;
  for (const RoleWords& role : kRoles) {
    for (const ReportedSet& set : report.sets) {
      if (set.role != role.role) continue;
      columns.push_back({set.role, set.name});
      shifts += set.role == SetRole::ood ? 1 : 0;
    }
  }
  if (shifts > 1) columns.push_back({SetRole::ood, ""});
  return columns;
}

// The mean over the OOD sets of one model, with the interval that follows from those of the
// sets when these are independent samples: square-and-add (Newcombe 1998, Zou and Donner
// 2008) of Wilson's intervals. Sets that show the same pictures are not.
TableCell mean_ood_cell(const ReportedModel& model, const RunReport& report) {
  const double mean = model.mean_ood(report.sets);
  if (std::isnan(mean)) return {};
  if (model.mean_ood_over_pictures) return {mean, model.mean_ood_over_pictures, false};
  double below = 0, above = 0, count = 0;
  for (const ReportedSet& set : report.sets) {
    if (set.role != SetRole::ood) continue;
    const SetScore& score = model.scores.at(set.name);
    const Interval interval = score.interval();
    below += std::pow(score.accuracy.value() - interval.low, 2);
    above += std::pow(interval.high - score.accuracy.value(), 2);
    ++count;
  }
  return {mean, Interval{mean - std::sqrt(below) / count, mean + std::sqrt(above) / count}, false};
}

}  // namespace

TableCell cell_of(const ReportedModel& model, const TableColumn& column, const RunReport& report) {
  if (column.set.empty()) return mean_ood_cell(model, report);
  const auto score = model.scores.find(column.set);
  if (score == model.scores.end() || score->second.accuracy.total == 0) return {};
  return {score->second.accuracy.value(), score->second.interval(), false};
}

namespace {

// The mean of one cell a seed; a missing cell makes the mean missing.
TableCell over_seeds(const std::vector<TableCell>& seeds) {
  std::vector<double> values;
  for (const TableCell& cell : seeds) {
    if (!cell.value) return {};
    values.push_back(*cell.value);
  }
  if (values.empty()) return {};
  if (values.size() == 1) return seeds.front();
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  return {mean, mean_interval(values), false, mean_interval(values, 0.90)};
}

TableRow row_of(std::string name, RowKind kind, const Runs& runs, const ResultTable& table,
                const RunReport& report) {
  TableRow row{std::move(name), kind, static_cast<int>(runs.size()), 1, {}, runs};
  for (const ReportedModel* run : runs) row.cost = std::max(row.cost, run->inference_cost);
  for (const TableColumn& column : table.columns) {
    std::vector<TableCell> seeds;
    for (const ReportedModel* run : runs) seeds.push_back(cell_of(*run, column, report));
    row.cells.push_back(over_seeds(seeds));
  }
  return row;
}

// The mean over different runs says nothing about one run's error, so with one seed it has
// no interval.
TableRow mean_row(const std::map<std::int64_t, Runs>& by_seed, std::size_t count,
                  const ResultTable& table, const RunReport& report) {
  TableRow row{"mean of " + std::to_string(count) + " search runs",
               RowKind::search,
               static_cast<int>(by_seed.size()),
               1,
               {},
               {}};
  for (const TableColumn& column : table.columns) {
    std::vector<TableCell> seeds;
    for (const auto& [seed, runs] : by_seed) {
      std::vector<TableCell> cells;
      for (const ReportedModel* run : runs) cells.push_back(cell_of(*run, column, report));
      seeds.push_back(over_seeds(cells));
      seeds.back().interval.reset();
      seeds.back().interval90.reset();
    }
    row.cells.push_back(over_seeds(seeds));
  }
  return row;
}

// The run of the most correct held-out pictures, the first among equals.
const ReportedModel* best_on_held_out(const Runs& runs, const std::string& held_out) {
  const ReportedModel* best = nullptr;
  double highest = -1;
  for (const ReportedModel* run : runs) {
    const auto score = run->scores.find(held_out);
    if (score == run->scores.end() || score->second.accuracy.total == 0) continue;
    if (score->second.accuracy.value() > highest) {
      highest = score->second.accuracy.value();
      best = run;
    }
  }
  return best;
}

void add_search_rows(const std::map<std::int64_t, Runs>& by_seed, std::size_t count,
                     const RunReport& report, ResultTable& table) {
  table.rows.push_back(mean_row(by_seed, count, table, report));
  const auto held_out = table.main_column(SetRole::held_out);
  if (!held_out) return;
  Runs best;
  for (const auto& [seed, runs] : by_seed) {
    const ReportedModel* one = best_on_held_out(runs, table.columns[*held_out].set);
    if (!one) return;
    best.push_back(one);
  }
  std::string name = "best on held-out: ";
  name += best.size() == 1 ? best.front()->name : "a run each seed";
  table.rows.push_back(row_of(std::move(name), RowKind::search, best, table, report));
}

bool is_over_pictures(const ReportedModel& model) {
  return model.mean_ood_over_pictures || std::ranges::any_of(model.scores, [](const auto& score) {
           return score.second.over_pictures.has_value();
         });
}

void mark_best(ResultTable& table) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::int64_t highest = -1;
    for (const TableRow& row : table.rows) {
      if (row.cells[c].value) highest = std::max(highest, tenths(*row.cells[c].value));
    }
    for (TableRow& row : table.rows) {
      TableCell& cell = row.cells[c];
      cell.best = table.rows.size() > 1 && cell.value && tenths(*cell.value) == highest;
    }
  }
}

}  // namespace

std::optional<std::size_t> ResultTable::main_column(SetRole role) const {
  std::optional<std::size_t> found;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].role == role && (!found || columns[c].set.empty())) found = c;
  }
  return found;
}

ResultTable result_table(const RunReport& report) {
  ResultTable table;
  table.columns = columns_of(report);
  std::map<std::int64_t, Runs> search;
  std::size_t searched = 0;
  for (const ReportedModel& model : report.models) {
    if (model.kind != RowKind::search) continue;
    search[model.seed].push_back(&model);
    ++searched;
  }
  const std::vector<MethodSummary> methods = summarise(report);
  for (const KindWords& kind : kKinds) {
    if (kind.kind == RowKind::search) {
      if (searched > 0) add_search_rows(search, searched, report, table);
      continue;
    }
    for (const MethodSummary& method : methods) {
      if (method.kind == kind.kind) {
        table.rows.push_back(row_of(method.name, method.kind, method.runs, table, report));
      }
    }
  }
  for (const TableRow& row : table.rows) table.several_seeds |= row.seeds > 1;
  mark_best(table);
  return table;
}

std::int64_t tenths(double value) { return std::llround(1000 * value); }

std::string percent(double value) { return fixed(static_cast<double>(tenths(value)) / 10, 1); }

std::string plus_minus(const TableCell& cell) {
  if (!cell.value || !cell.interval) return "";
  return "±" +
         percent(std::max(*cell.value - cell.interval->low, cell.interval->high - *cell.value));
}

std::vector<std::string> table_notes(const RunReport& report, const ResultTable& table) {
  std::vector<std::string> notes;
  if (!report.out_of_protocol.empty()) notes.push_back(printable(report.out_of_protocol));
  std::string intervals = "Accuracy in percent; ± is the 95 % interval, longer side: ";
  intervals += table.several_seeds
                   ? "Student's t over the seeds where there are several, otherwise Wilson's "
                     "interval for the pictures of one run."
                   : "Wilson's interval for the pictures of one run (one seed: the spread "
                     "between seeds is not in it).";
  if (std::ranges::any_of(report.models, is_over_pictures))
    intervals +=
        " Corrupted copies of one picture are not independent: intervals of such sets, and of "
        "means over them, are over distinct pictures.";
  notes.push_back(intervals);
  std::vector<std::string> sizes;
  for (const ReportedSet& set : report.sets) {
    std::string size = printable(set.name) + " " + grouped(set.rows);
    if (set.skipped > 0) size += " (" + grouped(set.skipped) + " skipped)";
    sizes.push_back(size);
  }
  if (!sizes.empty()) notes.push_back("Pictures: " + join(sizes, ", ") + ".");
  if (table.main_column(SetRole::held_out) && report.out_of_protocol.empty()) {
    notes.push_back("Choices are made on held-out data: expect its numbers to be optimistic.");
  }
  notes.push_back("Cost: forward passes for one picture.");
  return notes;
}

}  // namespace stockpot
