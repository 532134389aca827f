// Two network namespaces joined by a virtual cable, as two hosts with a rank each.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "ranks.h"

namespace stockpot {
namespace {

constexpr double kTimeout = 10;

bool done(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

class TwoHosts : public JointTest {
 protected:
  void SetUp() override {
    JointTest::SetUp();
    if (IsSkipped()) return;
    const std::string one = host(0), two = host(1);
    if (!done("ip netns add " + one + " && ip netns add " + two))
      GTEST_SKIP() << "needs root and ip (iproute2) to make networks of its own";
    ASSERT_TRUE(done("ip link add link0 netns " + one + " type veth peer name link1 netns " + two));
    for (const int rank : {0, 1}) {
      const std::string ip = "ip -n " + host(rank), link = "link" + std::to_string(rank);
      ASSERT_TRUE(done(ip + " addr add " + address(rank) + "/24 dev " + link));
      ASSERT_TRUE(done(ip + " link set lo up && " + ip + " link set " + link + " up"));
    }
  }
  void TearDown() override {
    for (const int rank : {0, 1}) done("ip netns del " + host(rank));
  }

  static std::string host(int rank) {
    return "stockpot-" + std::to_string(getpid()) + "-" + std::to_string(rank);
  }
  static std::string address(int rank) { return "10.77.0." + std::to_string(rank + 1); }
  static bool cut() { return done("ip -n " + host(0) + " link set link0 down"); }

  static std::vector<Process> start(const std::string& scenario) {
    std::vector<Process> ranks;
    for (const int rank : {0, 1}) {
      EnvironmentMap variables = torchrun_variables(rank, 2, 29501);
      variables["MASTER_ADDR"] = address(0);
      variables["STOCKPOT_TEST_TIMEOUT"] = "10";
      std::vector<std::string> command{"ip", "netns", "exec", host(rank)};
      for (const std::string& word : rank_command({scenario})) command.push_back(word);
      ranks.emplace_back(command, variables);
    }
    return ranks;
  }
};

TEST_F(TwoHosts, FindEachOther) {
  std::vector<Process> ranks = start("talk");
  for (const RankEnd& end : ends_of(ranks)) EXPECT_EQ(end.code, 0) << end.text;
}

TEST_F(TwoHosts, F14_ACutLinkEndsEveryRankWithinTheTimeout) {
  std::vector<Process> ranks = start("step");
  for (const Process& rank : ranks) ASSERT_TRUE(rank.wait_until_ready());
  ASSERT_TRUE(cut());
  const auto start = std::chrono::steady_clock::now();
  const std::vector<RankEnd> ends = ends_of(ranks);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
            kTimeout + 1);
  EXPECT_EQ(ends[0].code, 4);
  EXPECT_NE(ends[0].text.find("no sign of life from rank 1 (process "), std::string::npos)
      << ends[0].text;
  EXPECT_EQ(ends[1].code, 4);
  EXPECT_NE(ends[1].text.find("rank 0 (process "), std::string::npos) << ends[1].text;
}

}  // namespace
}  // namespace stockpot
