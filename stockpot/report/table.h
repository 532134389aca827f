// The table of a run before it is formatted: which rows, which columns, which numbers.
// The terminal, Markdown and HTML tables show the same one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/report/run_report.h"

namespace stockpot {

struct TableColumn {
  SetRole role = SetRole::ood;
  std::string set;  // "" for the mean over the OOD sets
};

// Accuracies in [0, 1]. No value: the model was not evaluated there. No interval: the row is
// a mean over different runs.
struct TableCell {
  std::optional<double> value;
  std::optional<Interval> interval;
  bool best = false;  // the highest of its column to a tenth of a percent, ties included
  std::optional<Interval> interval90 = {};  // over several seeds, as the LP-FT paper gives it
};

struct TableRow {
  std::string name;
  RowKind kind = RowKind::ft;
  int seeds = 1, cost = 1;
  std::vector<TableCell> cells;            // one a column
  std::vector<const ReportedModel*> runs;  // that the row stands for; live in the report
};

struct ResultTable {
  std::vector<TableColumn> columns;  // held-out, ID, OOD sets, mean OOD when sets are several
  std::vector<TableRow> rows;        // by kind: LP, FT, LP-FT, search, soups, ensembles
  bool several_seeds = false;

  // The index of the first column of a role; for OOD the mean when there is one.
  std::optional<std::size_t> main_column(SetRole role) const;
};

// Search runs, which may be many, become two rows: their mean, and the run that is best on
// held-out data. The report must outlive the table.
ResultTable result_table(const RunReport& report);

// One model in one column, with the interval of a single seed.
TableCell cell_of(const ReportedModel& model, const TableColumn& column, const RunReport& report);

// What the numbers of the table mean, in sentences: intervals, set sizes, selection.
std::vector<std::string> table_notes(const RunReport& report, const ResultTable& table);

// Tenths of a percent, rounded as percent() prints them: numbers that look equal are equal.
std::int64_t tenths(double value);
// "83.4", "±2.6" (the longer side of the interval, so that it covers the interval).
std::string percent(double value);
std::string plus_minus(const TableCell& cell);

}  // namespace stockpot
