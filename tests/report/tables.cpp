// The tables that people read, against approved texts. After a wanted change, run the test
// with STOCKPOT_APPROVE=1 and read the difference that version control shows.
#include <gtest/gtest.h>

#include <cstdlib>

#include "sample.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/report/cells.h"

namespace stockpot {
namespace {

void expect_approved(const std::string& name, const std::string& text) {
  const fs::path file = fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/report" / name;
  if (std::getenv("STOCKPOT_APPROVE")) write_file(file, text);
  EXPECT_EQ(text, read_file(file)) << "differs from " << file;
}

TEST(TerminalTable, ShowsOneRunAsApproved) {
  expect_approved("terminal_120.txt", terminal_table(sample_report(), 120, false));
}

TEST(TerminalTable, ContinuesBelowWhenTheTerminalIsNarrow) {
  expect_approved("terminal_80.txt", terminal_table(sample_report(), 80, false));
}

TEST(TerminalTable, ShowsSeedsAsApproved) {
  expect_approved("terminal_seeds.txt", terminal_table(sample_of_three_seeds(), 120, false));
}

TEST(TerminalTable, ColoursTheBestValueOfAColumn) {
  expect_approved("terminal_colour.txt", terminal_table(sample_report(), 120, true));
}

TEST(MarkdownTable, IsAsApproved) { expect_approved("table.md", markdown_table(sample_report())); }

TEST(CsvTable, IsAsApproved) { expect_approved("table.csv", csv_table(sample_report())); }

TEST(TerminalTable, KeepsToTheWidth) {
  for (const int width : {60, 80, 100, 140}) {
    for (const std::string& line : split(terminal_table(sample_report(), width, false), '\n')) {
      EXPECT_LE(cells(line), static_cast<std::size_t>(width)) << line;
    }
  }
}

TEST(TerminalTable, PrintsHostileNamesEscaped) {
  const std::string text = terminal_table(hostile_report(), 100, false);
  EXPECT_TRUE(is_utf8(text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find("\u202E"), std::string::npos);
  EXPECT_NE(text.find(R"(two\x0alines\x0d|\x1b[31m)"), std::string::npos);
  EXPECT_NE(text.find(R"(gnp.\u{202e}cod)"), std::string::npos);
}

TEST(MarkdownTable, ShowsHostileNamesLiterally) {
  const std::string text = markdown_table(hostile_report());
  EXPECT_NE(text.find(R"(\</script\>\<script\>alert(1)\</script\>)"), std::string::npos);
  EXPECT_NE(text.find(R"(two\\x0alines\\x0d\|\\x1b\[31m)"), std::string::npos);
}

TEST(CsvTable, QuotesByRfc4180) {
  RunReport report = sample_of_three_seeds();
  report.models.resize(1);
  report.models.front().name = "a, \"b\"\nc";
  EXPECT_NE(csv_table(report).find(R"("a, ""b""\x0ac",lp,)"), std::string::npos);
}

TEST(Tables, OfAnEmptyReportSaySo) {
  EXPECT_EQ(terminal_table({}, 80, false), "No model was evaluated.\n");
  EXPECT_EQ(markdown_table({}), "No model was evaluated.\n");
}

TEST(Cells, CountsWideAndCombiningCharacters) {
  EXPECT_EQ(cells("abc"), 3u);
  EXPECT_EQ(cells("é"), 1u);
  EXPECT_EQ(cells("e\u0301"), 1u);
  EXPECT_EQ(cells("犬"), 2u);
  EXPECT_EQ(cells("🐶!"), 3u);
  EXPECT_EQ(pad_left("犬", 4), "  犬");
  EXPECT_EQ(pad_right("é", 3), "é  ");
}

TEST(Cells, ShortensToTheWidth) {
  EXPECT_EQ(shorten("elephant", 8), "elephant");
  EXPECT_EQ(shorten("elephants", 8), "elephan…");
  EXPECT_EQ(shorten("犬犬犬", 4), "犬…");
}

TEST(Cells, WrapsAtSpaces) {
  EXPECT_EQ(wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("extraordinary x", 5), (std::vector<std::string>{"extraordinary", "x"}));
}

}  // namespace
}  // namespace stockpot
