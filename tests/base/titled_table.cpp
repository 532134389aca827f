// Tables that one room makes and another shows.
#include "stockpot/base/titled_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stockpot {
namespace {

TEST(TitledTable, ShowsTextsFromFilesHarmlessly) {
  const TitledTable table{.title = "Of \x1b[2J",
                          .columns = {"model", "\x1b[31mset"},
                          .rows = {{"a\nb", "1"}},
                          .names = 1,
                          .note = "not shown"};
  const std::string text = text_without_note(table, 80);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);  // title, none, columns, row
  EXPECT_EQ(text.find(table.note), std::string::npos);
}

TEST(TitledTable, NumbersAreAtTheRight) {
  const TitledTable table{
      .title = "", .columns = {"model", "n"}, .rows = {{"a", "1"}, {"b", "20"}}, .note = ""};
  EXPECT_EQ(text_without_note(table, 80), "  model   n\n  a       1\n  b      20\n");
}

}  // namespace
}  // namespace stockpot
