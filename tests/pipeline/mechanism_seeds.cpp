#include "stockpot/pipeline/mechanism_seeds.h"

#include <gtest/gtest.h>

namespace stockpot {
namespace {

// One AFTER on ID and one OOD set.
diagnose::Distortion moved(double id, double ratio) {
  diagnose::Distortion seed;
  seed.models = {"LP", "FT"};
  for (const char* name : {"ID", "sketch"}) {
    diagnose::DistortionSet set;
    set.name = name;
    set.movements.resize(1);
    set.movements[0].over_norm = id;
    if (set.name != "ID") set.movements[0].id_ratio = ratio;
    seed.sets.push_back(set);
  }
  return seed;
}

TEST(DistortionOverSeeds, IsTheMeanWithStudentsInterval) {
  const std::vector<diagnose::Distortion> seeds = {moved(1, 0.5), moved(2, 1.5), moved(3, 1.75)};
  const TitledTable table = over_seeds(seeds);
  EXPECT_EQ(table.title, "Over 3 seeds");
  ASSERT_EQ(table.rows.size(), 2U);
  // 2 +- t(0.975, 2) / sqrt(3) = 2 +- 4.30265 * 0.57735
  EXPECT_EQ(table.rows[0][2], "2 [-0.484, 4.48]");
  EXPECT_EQ(table.rows[0][4], "-");
  EXPECT_EQ(table.rows[0][5], "-");
  EXPECT_EQ(table.rows[1][0], "FT");
  EXPECT_EQ(table.rows[1][1], "sketch");
  EXPECT_EQ(table.rows[1][5], "2 of 3");
}

}  // namespace
}  // namespace stockpot
