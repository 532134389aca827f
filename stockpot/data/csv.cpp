#include "stockpot/data/csv.h"

#include <algorithm>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::size_t kLongestField = 64'000'000;

class CsvReader {
 public:
  CsvReader(std::string_view text, const fs::path& origin, char separator)
      : text_(text), origin_(origin), separator_(separator) {}

  bool at_end() const { return position_ == text_.size(); }

  CsvTable::Row read_row() {
    CsvTable::Row row{line_, {}};
    do {
      row.fields.push_back(peek() == '"' ? read_quoted() : read_bare());
    } while (take(separator_));
    const bool carriage_return = take('\r');
    if (!take('\n') && (carriage_return || !at_end())) fail("expected a separator or a line end");
    return row;
  }

  [[noreturn]] void fail(const std::string& problem) const {
    fail_at(line_, static_cast<std::int64_t>(position_ - line_begin_) + 1, problem);
  }

  [[noreturn]] void fail_at(std::int64_t line, std::int64_t column,
                            const std::string& problem) const {
    throw FormatError(printable(origin_.string()) + ":" + std::to_string(line) + ":" +
                      std::to_string(column) + ": " + problem);
  }

 private:
  char peek() const { return at_end() ? '\0' : text_[position_]; }

  bool take(char wanted) {
    if (at_end() || text_[position_] != wanted) return false;
    advance();
    return true;
  }

  void advance() {
    if (text_[position_++] == '\n') {
      ++line_;
      line_begin_ = position_;
    }
  }

  void append(std::string& field) {
    const char c = text_[position_];
    if (c == '\0') fail("a NUL byte, which text cannot hold");
    if (field.size() == kLongestField) fail("a field longer than 64 MB");
    field.push_back(c);
    advance();
  }

  std::string read_bare() {
    std::string field;
    while (!at_end() && peek() != separator_ && peek() != '\n') {
      if (peek() == '\r') {
        if (position_ + 1 < text_.size() && text_[position_ + 1] == '\n') break;
        fail("a carriage return without a line feed");
      }
      if (peek() == '"') fail("a quote inside a field that does not begin with one");
      append(field);
    }
    return field;
  }

  std::string read_quoted() {
    const std::int64_t line = line_;
    const std::int64_t column = static_cast<std::int64_t>(position_ - line_begin_) + 1;
    advance();
    std::string field;
    while (true) {
      if (at_end()) fail_at(line, column, "this quote is never closed");
      if (take('"') && peek() != '"') return field;
      append(field);
    }
  }

  std::string_view text_;
  const fs::path& origin_;
  char separator_;
  std::size_t position_ = 0, line_begin_ = 0;
  std::int64_t line_ = 1;
};

void check_utf8(std::string_view text, const CsvReader& reader) {
  if (is_utf8(text)) return;
  std::int64_t line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (!is_utf8(text.substr(begin, end - begin))) break;
    begin = end + 1;
  }
  reader.fail_at(line, 1, "this line is not UTF-8 text");
}

void check_header(const std::vector<std::string>& header, const CsvReader& reader) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string place = "column " + std::to_string(i + 1);
    if (header[i].empty()) reader.fail_at(1, 1, place + " of the header has no name");
    if (std::find(header.begin(), header.begin() + i, header[i]) != header.begin() + i) {
      reader.fail_at(1, 1, place + " repeats the name '" + printable(header[i]) + "'");
    }
  }
}

}  // namespace

std::optional<std::size_t> CsvTable::find_column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

std::size_t CsvTable::column(std::string_view name) const {
  if (const auto found = find_column(name)) return *found;
  throw FormatError(printable(origin.string()) + ":1:1: no column '" + std::string(name) +
                    "' in the header; found: " + printable(join(header, ", ")));
}

CsvTable parse_csv(std::string_view text, const fs::path& origin, char separator) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvReader reader(text, origin, separator);
  check_utf8(text, reader);
  if (reader.at_end()) reader.fail("the file is empty; expected a header line");
  CsvTable table{origin, reader.read_row().fields, {}};
  check_header(table.header, reader);
  while (!reader.at_end()) {
    CsvTable::Row row = reader.read_row();
    if (row.fields.size() != table.header.size()) {
      reader.fail_at(row.line, 1,
                     "expected " + std::to_string(table.header.size()) +
                         " fields as in the header, found " + std::to_string(row.fields.size()));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

CsvTable read_csv(const fs::path& file) {
  const bool tabs = lower_ascii(file.extension().string()) == ".tsv";
  return parse_csv(read_file(file), file, tabs ? '\t' : ',');
}

}  // namespace stockpot
