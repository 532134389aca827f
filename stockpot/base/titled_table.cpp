#include "stockpot/base/titled_table.h"

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"

namespace stockpot {

std::string text_without_note(const TitledTable& table, std::size_t width) {
  std::vector<TextColumn> columns;
  for (const std::string& title : table.columns)
    columns.push_back({.title = printable(title),
                       .right = columns.size() >= table.names,
                       .shrinks = columns.size() < table.names});
  TextTable lines(columns);
  for (std::vector<std::string> row : table.rows) {
    for (std::string& cell : row) cell = printable(cell);
    lines.add(std::move(row));
  }
  return (table.title.empty() ? "" : printable(table.title) + "\n\n") + lines.text(width);
}

}  // namespace stockpot
