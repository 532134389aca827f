// Ranks that die, freeze, do not come or do not fit: every other rank says so in time. Cut links
// are in two_hosts.cpp.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "ranks.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

using LostRanks = JointTest;

constexpr double kTimeout = 10;
constexpr double kStart = 10;  // of programs with LibTorch on a busy machine
const EnvironmentMap kShort = {{"STOCKPOT_TEST_TIMEOUT", "10"}};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void expect_says(const RankEnd& end, int code, const std::string& part) {
  EXPECT_EQ(end.code, code) << end.text;
  EXPECT_NE(end.text.find(part), std::string::npos) << end.text;
}

std::string process(const Process& rank) { return "(process " + std::to_string(rank.number()); }

// Three ranks that step; `signal` hits rank `victim`.
void lose(int victim, int signal, const std::string& verdict, double limit) {
  std::vector<Process> ranks = start_ranks(3, {"step"}, kShort);
  for (const Process& rank : ranks) ASSERT_TRUE(rank.wait_until_ready());
  const auto start = Clock::now();
  const std::string name =
      "rank " + std::to_string(victim) + " " + process(ranks[static_cast<std::size_t>(victim)]);
  ranks[static_cast<std::size_t>(victim)].signal(signal);
  for (int rank = 0; rank < 3; ++rank) {
    if (rank == victim) continue;
    const RankEnd end = ranks[static_cast<std::size_t>(rank)].wait();
    EXPECT_LT(since(start), limit);
    expect_says(end, 4, name);
    expect_says(end, 4, verdict + "; this run ends on all 3 ranks, start it again to continue");
  }
}

TEST_F(LostRanks, F14_AKilledRankIsNamedAtOnce) { lose(1, SIGKILL, " has ended", kTimeout / 2); }

TEST_F(LostRanks, F14_KilledRankZeroIsNamedAtOnce) { lose(0, SIGKILL, " has ended", kTimeout / 2); }

TEST_F(LostRanks, F14_AFrozenRankIsNamedWithinTheTimeout) {
  lose(2, SIGSTOP, " is stopped", kTimeout);
}

TEST_F(LostRanks, F14_FrozenRankZeroIsNamedWithinTheTimeout) {
  lose(0, SIGSTOP, " is stopped", kTimeout);
}

TEST_F(LostRanks, ARankThatLeavesTellsTheOthersWhy) {
  const std::vector<RankEnd> ends = run_ranks(3, {"leave"});
  EXPECT_EQ(ends[1].code, 3);
  for (const int rank : {0, 2})
    expect_says(ends[static_cast<std::size_t>(rank)], 4, " stopped: the pictures are gone");
}

TEST_F(LostRanks, F14_ARankThatDoesNotComeIsNamed) {
  const std::vector<RankEnd> ends = run_ranks(3, {"miss"}, kShort);
  for (const int rank : {0, 2}) {
    const RankEnd& end = ends[static_cast<std::size_t>(rank)];
    expect_says(end, 4, "of 3 ranks these did not come to 127.0.0.1:");
    expect_says(end, 4, ": 1\n");
    EXPECT_LT(end.seconds, kTimeout + kStart);
  }
}

TEST_F(LostRanks, F14_WrongWorldSizesAreRefusedOnEveryRank) {
  const int port = free_port();
  EnvironmentMap two = torchrun_variables(0, 2, port), three = torchrun_variables(1, 3, port);
  two.insert(kShort.begin(), kShort.end());
  three.insert(kShort.begin(), kShort.end());
  std::vector<Process> ranks;
  ranks.emplace_back(rank_command({"talk"}), two);
  ranks.emplace_back(rank_command({"talk"}), three);
  for (const RankEnd& end : ends_of(ranks)) {
    expect_says(end, 2, "the ranks do not agree on how many they are: rank 0");
    expect_says(end, 2, " as one of 3");
  }
}

TEST_F(LostRanks, TwoProcessesOfOneRankAreRefused) {
  const int port = free_port();
  std::vector<Process> ranks;
  for (const int rank : {0, 1, 1}) {
    EnvironmentMap variables = torchrun_variables(rank, 3, port);
    variables.insert(kShort.begin(), kShort.end());
    ranks.emplace_back(rank_command({"talk"}), variables);
  }
  for (const RankEnd& end : ends_of(ranks))
    expect_says(end, 2, "two processes were started as the same rank: rank 1");
}

// Listens on loopback and never answers.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(socket_, 8);
    socklen_t length = sizeof(address);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  int port() const { return port_; }

 private:
  int socket_, port_ = 0;
};

TEST_F(LostRanks, F14_ATakenPortIsNamedOnEveryRank) {
  const Listener other;
  std::vector<Process> ranks;
  for (const int rank : {0, 1}) {
    EnvironmentMap variables = torchrun_variables(rank, 2, other.port());
    variables.insert(kShort.begin(), kShort.end());
    ranks.emplace_back(rank_command({"talk"}), variables);
  }
  const std::vector<RankEnd> ends = ends_of(ranks);
  expect_says(ends[0], 2, "port " + std::to_string(other.port()));
  expect_says(ends[0], 2, "is taken by another program here; set MASTER_PORT to a free one");
  expect_says(ends[1], 4, "what listens at 127.0.0.1:" + std::to_string(other.port()));
  EXPECT_LT(ends[1].seconds, kTimeout + kStart);
}

}  // namespace
}  // namespace stockpot
