#include "stockpot/metrics/right_rows.h"

#include <gtest/gtest.h>

#include "stockpot/metrics/accuracy.h"

namespace stockpot {
namespace {

const RightRows kTen(std::vector<bool>{1, 0, 1, 1, 0, 0, 0, 1, /**/ 0, 1});

TEST(RightRows, HoldsABitForEachRow) {
  EXPECT_EQ(kTen.rows(), 10);
  EXPECT_EQ(kTen.count(), 5);
  EXPECT_TRUE(kTen[0]);
  EXPECT_FALSE(kTen[8]);
  EXPECT_TRUE(kTen[9]);
  EXPECT_TRUE(RightRows().empty());
}

TEST(RightRows, SurvivesItsText) {
  EXPECT_EQ(kTen.hex(), "8d02");
  EXPECT_EQ(RightRows::from_hex("8d02", 10), kTen);
  EXPECT_EQ(RightRows::from_hex("", 0), RightRows());
}

TEST(RightRows, RefusesTextThatItNeverWrites) {
  for (const char* text : {"8d", "8d0", "8d0200", "8D02", "8d06", "8x02"})
    EXPECT_FALSE(RightRows::from_hex(text, 10)) << text;
  EXPECT_FALSE(RightRows::from_hex("", -1));
}

}  // namespace
}  // namespace stockpot
