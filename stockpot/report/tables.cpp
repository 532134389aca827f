// The table as Markdown, and all numbers as CSV.
#include "stockpot/base/text.h"
#include "stockpot/report/comparisons.h"
#include "stockpot/report/table.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

std::string markdown_cell(const TableCell& cell) {
  if (!cell.value) return "–";
  const std::string value = percent(*cell.value);
  const std::string mark = cell.best ? "**" : "";
  std::string text = mark + value + mark;
  if (cell.interval) text += " " + plus_minus(cell);
  return text;
}

// RFC 4180: quoted where the text holds a comma or a quote. Line ends and control characters
// are escaped, since a table may be printed on a terminal.
std::string csv(std::string_view untrusted) {
  const std::string text = printable(untrusted);
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string markdown(std::string_view untrusted) {
  std::string safe;
  for (const char c : printable(untrusted)) {
    if (std::string_view("\\`*_[]<>|~#&").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

std::string markdown_table(const RunReport& report) {
  const ResultTable table = result_table(report);
  if (table.rows.empty()) return "No model was evaluated.\n";
  std::vector<std::string> heading = {"model"};
  for (const TableColumn& column : table.columns) {
    heading.push_back(
        column.set.empty()
            ? "mean OOD"
            : std::string(words(column.role).shown).append(": ").append(markdown(column.set)));
  }
  if (table.several_seeds) heading.push_back("seeds");
  heading.push_back("cost");
  std::string text = "| " + join(heading, " | ") + " |\n|---|";
  for (std::size_t i = 1; i < heading.size(); ++i) text += "---:|";
  text += "\n";
  for (const TableRow& row : table.rows) {
    std::vector<std::string> line = {markdown(row.name)};
    for (const TableCell& cell : row.cells) line.push_back(markdown_cell(cell));
    if (table.several_seeds) line.push_back(std::to_string(row.seeds));
    line.push_back(std::to_string(row.cost));
    text.append("| ").append(join(line, " | ")).append(" |\n");
  }
  text += "\n";
  // The notes hold names of sets, already printable.
  for (const std::string& note : table_notes(report, table)) text += markdown(note) + "  \n";
  if (!report.comparisons.empty()) text += "\n" + markdown_of(comparison_table(report.comparisons));
  return text;
}

std::string csv_table(const RunReport& report) {
  std::string text =
      "model,method,kind,seed,set,role,correct,total,accuracy,low95,high95,inference_cost,"
      "in_protocol\n";
  for (const ReportedModel& model : report.models) {
    for (const ReportedSet& set : report.sets) {
      const auto score = model.scores.find(set.name);
      if (score == model.scores.end()) continue;
      const Accuracy& accuracy = score->second.accuracy;
      const Interval interval = score->second.interval();
      const std::string fields[] = {csv(model.name),
                                    csv(model.method),
                                    std::string(words(model.kind).json),
                                    std::to_string(model.seed),
                                    csv(set.name),
                                    std::string(words(set.role).json),
                                    std::to_string(accuracy.correct),
                                    std::to_string(accuracy.total),
                                    accuracy.total ? fixed(accuracy.value(), 6) : "",
                                    accuracy.total ? fixed(interval.low, 6) : "",
                                    accuracy.total ? fixed(interval.high, 6) : "",
                                    std::to_string(model.inference_cost),
                                    report.out_of_protocol.empty() ? "yes" : "no"};
      text += join(fields, ",") + "\n";
    }
  }
  return text;
}

}  // namespace stockpot
