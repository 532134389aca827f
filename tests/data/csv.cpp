#include "stockpot/data/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stockpot/base/error.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using Fields = std::vector<std::string>;

std::string problem(std::string_view text) {
  return message<FormatError>([&] { parse_csv(text, "t.csv"); });
}

TEST(Csv, ReadsQuotesSeparatorsAndLineEndsInFields) {
  const CsvTable table = parse_csv("a,b\n1,\"x, \"\"y\"\"\"\n\"two\nlines\",\n", "t.csv");
  EXPECT_EQ(table.header, (Fields{"a", "b"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].fields, (Fields{"1", "x, \"y\""}));
  EXPECT_EQ(table.rows[1].fields, (Fields{"two\nlines", ""}));
  EXPECT_EQ(table.rows[1].line, 3);
}

TEST(Csv, C09_AcceptsByteOrderMarkCrlfAndNoLastLineEnd) {
  const CsvTable table = parse_csv(
      "\xEF\xBB\xBF"
      "a,b\r\n1,2\r\n3,\"4\"",
      "t.csv");
  EXPECT_EQ(table.header, (Fields{"a", "b"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[1].fields, (Fields{"3", "4"}));
}

TEST(Csv, C09_NamesLineAndColumnOfAnUnclosedQuote) {
  EXPECT_TRUE(contains(problem("a,b\n1,2\n3,\"4\n5,6\n"), "t.csv:3:3: "));
}

TEST(Csv, C09_RefusesStrayQuotesNulsAndLoneCarriageReturns) {
  EXPECT_TRUE(contains(problem("a,b\n1,2\"\n"), "t.csv:2:4: a quote"));
  EXPECT_TRUE(contains(problem("a,b\n\"1\"x,2\n"), "t.csv:2:4: expected a separator"));
  EXPECT_TRUE(contains(problem(std::string_view("a,b\n1,\0\n", 8)), "t.csv:2:3: a NUL"));
  EXPECT_TRUE(contains(problem("a,b\n1\r2,3\n"), "t.csv:2:2: a carriage return"));
  EXPECT_TRUE(contains(problem("a,b\n1,\"2\"\r"), "expected a separator"));
}

TEST(Csv, C09_RefusesRowsOfAnotherLength) {
  EXPECT_TRUE(contains(problem("a,b\n1,2\n3\n"), "t.csv:3:1: expected 2 fields"));
  EXPECT_TRUE(contains(problem("a,b\n1,2,3\n"), "found 3"));
  EXPECT_TRUE(contains(problem("a,b\n\n1,2\n"), "t.csv:2:1: expected 2 fields"));
}

TEST(Csv, C09_RefusesBadHeaders) {
  EXPECT_TRUE(contains(problem(""), "t.csv:1:1: the file is empty"));
  EXPECT_TRUE(contains(problem("a,b,a\n"), "column 3 repeats the name 'a'"));
  EXPECT_TRUE(contains(problem("a,,b\n"), "column 2 of the header has no name"));
}

TEST(Csv, C09_NamesTheLineThatIsNotUtf8) {
  EXPECT_TRUE(contains(problem("a,b\n1,2\n\xff,3\n"), "t.csv:3:1: this line is not UTF-8"));
}

TEST(Csv, C09_RefusesAFieldOf100Megabytes) {
  EXPECT_TRUE(contains(problem("a\n" + std::string(100'000'000, 'x')), "longer than 64 MB"));
}

TEST(Csv, NamesTheColumnsThatExistWhenOneIsMissing) {
  const CsvTable table = parse_csv("path,class\n", "t.csv");
  EXPECT_EQ(table.column("class"), 1u);
  EXPECT_FALSE(table.find_column("label"));
  const std::string text = message<FormatError>([&] { table.column("label"); });
  EXPECT_TRUE(contains(text, "no column 'label' in the header; found: path, class"));
}

TEST(Csv, SeparatesByTabsInTsvFiles) {
  const Scratch scratch;
  const CsvTable table = read_csv(scratch.write("t.TSV", "a\tb\n1,5\t2\n"));
  EXPECT_EQ(table.rows[0].fields, (Fields{"1,5", "2"}));
}

}  // namespace
}  // namespace stockpot
