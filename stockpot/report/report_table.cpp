#include "stockpot/report/report_table.h"

#include <algorithm>

#include "stockpot/base/text.h"
#include "stockpot/report/cells.h"
#include "stockpot/report/html_parts.h"

namespace stockpot {

std::string html_of(const TitledTable& table) {
  std::string text;
  if (!table.title.empty()) text += "<h3>" + html(table.title) + "</h3>\n";
  text += "<div class=\"scroll\"><table class=\"plain\">\n<thead><tr>";
  const auto kind = [&](std::size_t column) {
    return std::string(column < table.names ? "" : " class=\"number\"");
  };
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    text += "<th scope=\"col\"" + kind(c) + ">" + html(table.columns[c]) + "</th>";
  text += "</tr></thead>\n<tbody>\n";
  for (std::size_t r = 0; r < std::min(table.rows.size(), kMostRows); ++r) {
    text += "<tr>";
    for (std::size_t c = 0; c < table.rows[r].size(); ++c)
      text += (c == 0 ? "<th scope=\"row\">" : "<td" + kind(c) + ">") + html(table.rows[r][c]) +
              (c == 0 ? "</th>" : "</td>");
    text += "</tr>\n";
  }
  text += "</tbody></table></div>\n" + cut_note(table.rows.size());
  if (!table.note.empty()) text += "<p class=\"note\">" + html(table.note) + "</p>\n";
  return text;
}

std::string text_of(const TitledTable& table, std::size_t width) {
  std::string text = text_without_note(table, width);
  if (table.note.empty()) return text;
  text += "\n";
  for (const std::string& line : wrap(printable(table.note), std::min<std::size_t>(width, 100)))
    text += line + "\n";
  return text;
}

std::string markdown_of(const TitledTable& table) {
  std::string text = table.title.empty() ? "" : "### " + markdown(table.title) + "\n\n";
  text += "|";
  for (const std::string& column : table.columns) text += " " + markdown(column) + " |";
  text += "\n|";
  for (std::size_t c = 0; c < table.columns.size(); ++c) text += c < table.names ? "---|" : "---:|";
  text += "\n";
  for (const std::vector<std::string>& row : table.rows) {
    text += "|";
    for (const std::string& one : row) text += " " + markdown(one) + " |";
    text += "\n";
  }
  if (!table.note.empty()) text += "\n" + markdown(table.note) + "\n";
  return text;
}

}  // namespace stockpot
