#include <algorithm>
#include <limits>

#include "stockpot/base/text.h"
#include "stockpot/report/cells.h"
#include "stockpot/report/table.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

constexpr std::string_view kBold = "\x1b[1m", kBest = "\x1b[1;32m", kFaint = "\x1b[2m",
                           kPlain = "\x1b[0m";
constexpr std::size_t kLongestName = 44, kLongestSet = 18, kGap = 2;

// One column as text: two lines of heading, and per row a value and its uncertainty, which
// are aligned apart so that decimal points stand below each other.
struct TextColumn {
  std::string role, set;
  std::vector<std::string> values, errors;
  std::vector<bool> best;
  std::size_t value_width = 0, error_width = 0, width = 0;

  void measure() {
    for (const std::string& value : values) value_width = std::max(value_width, cells(value));
    for (const std::string& error : errors) error_width = std::max(error_width, cells(error));
    width = std::max({value_width + (error_width ? 1 + error_width : 0), cells(role), cells(set)});
  }
};

TextColumn text_column(const ResultTable& table, std::size_t c, bool colour) {
  TextColumn text;
  const TableColumn& column = table.columns[c];
  text.role = column.set.empty() ? "mean" : std::string(words(column.role).shown);
  text.set = column.set.empty() ? "OOD" : shorten(printable(column.set), kLongestSet);
  for (const TableRow& row : table.rows) {
    const TableCell& cell = row.cells[c];
    // Without colour the best value wears a star.
    const std::string star = cell.best && !colour ? "*" : "";
    text.values.push_back(cell.value ? star + percent(*cell.value) : "-");
    text.errors.push_back(plus_minus(cell));
    text.best.push_back(cell.best);
  }
  text.measure();
  return text;
}

TextColumn count_column(const ResultTable& table, std::string title, int TableRow::*count) {
  TextColumn text;
  text.set = std::move(title);
  for (const TableRow& row : table.rows) {
    text.values.push_back(std::to_string(row.*count));
    text.errors.emplace_back();
    text.best.push_back(false);
  }
  text.measure();
  return text;
}

class Painter {
 public:
  explicit Painter(bool colour) : colour_(colour) {}
  std::string operator()(std::string_view code, std::string text) const {
    if (!colour_ || text.find_first_not_of(' ') == std::string::npos) return text;
    return std::string(code) + text + std::string(kPlain);
  }

 private:
  bool colour_;
};

std::string without_trailing_spaces(std::string line) {
  const std::size_t last = line.find_last_not_of(' ');
  line.resize(last == std::string::npos ? 0 : last + 1);
  return line + "\n";
}

std::string cell_text(const TextColumn& column, std::size_t row, const Painter& paint) {
  const std::string value = pad_left(column.values[row], column.value_width);
  std::string text = column.best[row] ? paint(kBest, value) : value;
  if (column.error_width) {
    text += " " + paint(kFaint, pad_left(column.errors[row], column.error_width));
  }
  const std::size_t used = column.value_width + (column.error_width ? 1 + column.error_width : 0);
  return text.insert(0, column.width - used, ' ');
}

// The rows with some of the columns: a table that is too wide continues below.
std::string block(const ResultTable& table, std::size_t name_width,
                  std::span<const TextColumn> columns, const Painter& paint) {
  const std::string gap(kGap, ' ');
  std::string roles = pad_right("", name_width), sets = roles;
  std::size_t width = name_width;
  for (const TextColumn& column : columns) {
    roles += gap + paint(kFaint, pad_left(column.role, column.width));
    sets += gap + paint(kBold, pad_left(column.set, column.width));
    width += kGap + column.width;
  }
  std::string rule;
  for (std::size_t i = 0; i < width; ++i) rule += "─";
  rule = paint(kFaint, rule) + "\n";

  std::string text = without_trailing_spaces(roles) + without_trailing_spaces(sets) + rule;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const TableRow& row = table.rows[r];
    // LP, FT and LP-FT stay together: they are there to be compared.
    const bool new_group = r > 0 && row.kind != table.rows[r - 1].kind &&
                           (row.kind > RowKind::lpft || table.rows[r - 1].kind > RowKind::lpft);
    if (new_group) text += rule;
    std::string line = pad_right(shorten(printable(row.name), name_width), name_width);
    for (const TextColumn& column : columns) line += gap + cell_text(column, r, paint);
    text += without_trailing_spaces(line);
  }
  return text + rule;
}

}  // namespace

std::string terminal_table(const RunReport& report, int width, bool colour) {
  const ResultTable table = result_table(report);
  if (table.rows.empty()) return "No model was evaluated.\n";
  const Painter paint(colour);
  const std::size_t limit =
      width > 0 ? static_cast<std::size_t>(width) : std::numeric_limits<std::size_t>::max();

  std::size_t name_width = 0;
  for (const TableRow& row : table.rows) {
    name_width = std::max(name_width, std::min(kLongestName, cells(printable(row.name))));
  }
  std::vector<TextColumn> columns;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    columns.push_back(text_column(table, c, colour));
  }
  if (table.several_seeds) columns.push_back(count_column(table, "seeds", &TableRow::seeds));
  columns.push_back(count_column(table, "cost", &TableRow::cost));

  std::string text;
  for (std::size_t begin = 0; begin < columns.size();) {
    std::size_t end = begin, used = name_width;
    while (end < columns.size() && (end == begin || used + kGap + columns[end].width <= limit)) {
      used += kGap + columns[end++].width;
    }
    if (begin > 0) text += "\n";
    text += block(table, name_width, std::span(columns).subspan(begin, end - begin), paint);
    begin = end;
  }
  if (!colour && table.rows.size() > 1) text += "* best of the column\n";
  for (const std::string& note : table_notes(report, table)) {
    for (const std::string& line : wrap(note, std::min<std::size_t>(limit, 100))) {
      text += paint(kFaint, line) + "\n";
    }
  }
  return text;
}

}  // namespace stockpot
