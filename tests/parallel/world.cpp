#include "stockpot/parallel/world.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "../base/message_of.h"
#include "ranks.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

void expect_codes(const std::vector<RankEnd>& ends, int code) {
  for (std::size_t rank = 0; rank < ends.size(); ++rank)
    EXPECT_EQ(ends[rank].code, code) << "rank " << rank << ": " << ends[rank].text;
}

TEST(World, AloneReturnsWhatItIsGiven) {
  World world = World::join(LaunchVariables{});
  EXPECT_EQ(world.size(), 1);
  EXPECT_TRUE(world.root());
  const at::Tensor numbers = at::ones({3});
  world.all_reduce(numbers);
  world.broadcast(numbers);
  EXPECT_EQ(numbers.sum().item<float>(), 3);
  EXPECT_EQ(world.gather("me"), std::vector<std::string>{"me"});
  EXPECT_TRUE(world.any(true));
  EXPECT_FALSE(world.any(false));
  world.agree("recipe", "abc");
  EXPECT_EQ(message_of<RunError>([&] { world.on_root([] { throw RunError("no"); }); }), "no");
}

using WorldOfSeveral = JointTest;

TEST_F(WorldOfSeveral, TwoRanksSumInRankOrderBitForBit) { expect_codes(run_ranks(2, {"sum"}), 0); }

TEST_F(WorldOfSeveral, ThreeRanksSumInRankOrderBitForBit) {
  expect_codes(run_ranks(3, {"sum"}), 0);
}

TEST_F(WorldOfSeveral, TextsFlagsAndNumbersReachEveryRank) {
  expect_codes(run_ranks(3, {"talk"}), 0);
}

TEST_F(WorldOfSeveral, UsesTheNamedNetworkInterface) {
  expect_codes(run_ranks(2, {"talk"}, {{"GLOO_SOCKET_IFNAME", "lo"}}), 0);
}

TEST_F(WorldOfSeveral, AnUnknownNetworkInterfaceIsRefused) {
  for (const RankEnd& end : run_ranks(2, {"talk"}, {{"GLOO_SOCKET_IFNAME", "nolink7"}})) {
    EXPECT_EQ(end.code, 2);
    EXPECT_NE(end.text.find("GLOO_SOCKET_IFNAME names 'nolink7'"), std::string::npos) << end.text;
  }
}

TEST_F(WorldOfSeveral, AFailureOfRankZeroIsThrownEverywhereWithItsKind) {
  const std::vector<RankEnd> ends = run_ranks(2, {"fail_on_root"});
  expect_codes(ends, 74);
  EXPECT_EQ(ends[0].text, "model.safetensors: cannot write: No space left on device\n");
  EXPECT_EQ(ends[1].text, "on rank 0: model.safetensors: cannot write: No space left on device\n");
}

TEST_F(WorldOfSeveral, AFailureOfOneRankIsThrownEverywhereWithItsKind) {
  const std::vector<RankEnd> ends = run_ranks(3, {"fail_on_one"});
  expect_codes(ends, 3);
  EXPECT_EQ(ends[1].text, "photos/a.png: truncated\n");
  for (const std::size_t rank : {0, 2})
    EXPECT_EQ(ends[rank].text, "on rank 1: photos/a.png: truncated\n");
}

TEST_F(WorldOfSeveral, F14_AnotherRecipeOnOneRankIsRefusedOnAll) {
  const std::vector<RankEnd> ends = run_ranks(3, {"disagree"});
  expect_codes(ends, 2);
  for (const RankEnd& end : ends)
    EXPECT_EQ(end.text,
              "the ranks do not have the same recipe: rank 0 has hash 0; rank 1 has hash 1; "
              "rank 2 has hash 2\n");
}

}  // namespace
}  // namespace stockpot
