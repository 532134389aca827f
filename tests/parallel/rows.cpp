#include "stockpot/parallel/rows.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stockpot {
namespace {

TEST(Rows, OfAllRanksAreTheBatchInOrder) {
  for (const std::int64_t rows : {0, 1, 2, 7, 8, 64, 1001})
    for (const int size : {1, 2, 3, 8}) {
      std::int64_t next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const RowRange part = rows_of_rank(rows, rank, size);
        EXPECT_EQ(part.begin, next);
        EXPECT_LE(part.size(), rows_of_rank(rows, 0, size).size());
        EXPECT_GE(part.size() + 1, rows_of_rank(rows, 0, size).size());
        next = part.end;
      }
      EXPECT_EQ(next, rows);
    }
}

TEST(Rows, InPairsStayWithThoseTheyAreMixedWith) {
  EXPECT_EQ(paired_rows_of_rank(8, 0, 2), (std::vector<std::int64_t>{0, 1, 6, 7}));
  EXPECT_EQ(paired_rows_of_rank(9, 1, 2), (std::vector<std::int64_t>{2, 3, 4, 5, 6}));
  for (const std::int64_t rows : {0, 1, 2, 7, 8, 64, 1001})
    for (const int size : {1, 2, 3, 8}) {
      std::vector<int> seen(static_cast<std::size_t>(rows));
      for (int rank = 0; rank < size; ++rank) {
        const std::vector<std::int64_t> mine = paired_rows_of_rank(rows, rank, size);
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
        for (std::size_t i = 0; i < mine.size(); ++i) {
          EXPECT_EQ(mine[i] + mine[mine.size() - 1 - i], rows - 1);
          ++seen[static_cast<std::size_t>(mine[i])];
        }
      }
      EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), rows);
    }
}

}  // namespace
}  // namespace stockpot
