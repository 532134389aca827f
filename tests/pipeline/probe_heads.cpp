#include <gtest/gtest.h>

#include "stockpot/pipeline/probe_stage.h"

namespace stockpot {
namespace {

TEST(ProbeHeads, AreKeptUpToABoundAndASentenceSaysSo) {
  EXPECT_EQ(heads_not_kept(100, 1000, 384), "");
  EXPECT_EQ(heads_not_kept(100, 1000, 2048), "");
  EXPECT_EQ(
      heads_not_kept(100, 10'000, 2048),
      "the heads of all 100 penalties of the linear probe would take 8.20 GB and are not kept "
      "(limit 1.00 GB): its path is told for the held-out set only");
}

}  // namespace
}  // namespace stockpot
