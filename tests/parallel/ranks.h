// Starts this test program several times, as ranks of a World over loopback, and looks at how
// they end. What a rank does is a scenario of rank_main.cpp.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../base/temporary_folder.h"

namespace stockpot {

using EnvironmentMap = std::map<std::string, std::string>;

struct RankEnd {
  int code = 0;        // exit code, or 128 + the signal
  std::string text;    // what it printed, stdout and stderr
  double seconds = 0;  // from its start
};

// What torchrun would set for this rank, on this machine.
EnvironmentMap torchrun_variables(int rank, int size, int port);

// A port that nobody listened on a moment ago.
int free_port();

// Of this test program, with the variables of every launcher taken out of its environment.
class Process {
 public:
  Process(const std::vector<std::string>& command, const EnvironmentMap& environment);
  ~Process();
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;

  pid_t number() const { return number_; }
  void signal(int signal) const;
  // Waits until the file exists that ranks make with ready(); false after 60 seconds.
  bool wait_until_ready() const;
  std::string ready_file() const { return (folder_->path() / "ready").string(); }
  // Kills it after `limit`: the code is 137 then.
  RankEnd wait(std::chrono::seconds limit = std::chrono::seconds(60));

 private:
  std::unique_ptr<TemporaryFolder> folder_;
  pid_t number_ = -1;
  std::chrono::steady_clock::time_point start_;
};

// This program as a rank: "test_parallel --rank SCENARIO ...".
std::vector<std::string> rank_command(const std::vector<std::string>& scenario);

// Base of tests that need several processes: skips them in a build that has none.
class JointTest : public testing::Test {
 protected:
  void SetUp() override;
};

// `size` ranks of one scenario, all waited for.
std::vector<Process> start_ranks(int size, const std::vector<std::string>& scenario,
                                 const EnvironmentMap& more = {});
std::vector<RankEnd> ends_of(std::vector<Process>& ranks);
std::vector<RankEnd> run_ranks(int size, const std::vector<std::string>& scenario,
                               const EnvironmentMap& more = {});

// The scenario in this process; returns its exit code.
int rank_main(const std::vector<std::string>& scenario);

}  // namespace stockpot
