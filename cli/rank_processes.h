// The processes of `stockpot launch`: the same command several times on this machine, each with
// the variables that torchrun would set.
#pragma once

#include <string>
#include <vector>

namespace stockpot::cli {

struct RankCommand {
  std::vector<std::string> words;
  int ranks = 1;
  int restart = 0, restarts = 0;  // this attempt, and how many there may be after the first
};

struct RanksEnd {
  int code = 0;          // of the first rank that failed, 128 + the signal that ended it; else 0
  int first = -1;        // that rank
  bool told_to = false;  // after SIGTERM, SIGINT or SIGHUP was passed on
};

// Runs the ranks to their end. Rank 0 has this process's stdin, stdout and stderr, unchanged;
// the others write both to stderr and read nothing. SIGTERM, SIGINT, SIGHUP and SIGUSR1 that
// arrive here go to every rank. When a rank fails the others get SIGTERM, and SIGKILL after
// `patience` seconds; after exit code 75 (interrupted, state saved) they may take as long as
// they need. Ranks are process groups of their own, and end with this process.
//
// Throws UsageError when the command cannot be started.
RanksEnd run_ranks(const RankCommand& command, int patience);

}  // namespace stockpot::cli
