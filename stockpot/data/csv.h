// Tables as comma- or tab-separated text with a header line: RFC 4180, read strictly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

struct CsvTable {
  struct Row {
    std::int64_t line = 0;  // where the row begins, from 1
    std::vector<std::string> fields;
  };

  std::filesystem::path origin;
  std::vector<std::string> header;  // unique, not empty
  std::vector<Row> rows;            // each has as many fields as the header

  std::optional<std::size_t> find_column(std::string_view name) const;
  // Throws FormatError naming the columns that exist.
  std::size_t column(std::string_view name) const;
};

// Line ends may be LF or CRLF, a UTF-8 byte order mark is skipped, and quoted fields may hold
// separators, line ends and doubled quotes. Throws FormatError "<origin>:<line>:<column>:
// ...": invalid UTF-8, a NUL, a quote that is never closed or stands inside a field, a lone
// CR, a field over 64 MB, a row of another length than the header, a repeated column name.
CsvTable parse_csv(std::string_view text, const std::filesystem::path& origin,
                   char separator = ',');

// The separator is a tab when the name ends in .tsv, else a comma.
CsvTable read_csv(const std::filesystem::path& file);

}  // namespace stockpot
