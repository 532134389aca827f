// The state of a sweep at one moment, read from its folders.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/sweep/state.h"

namespace stockpot {

struct BoardRow {
  std::string id;
  TrialState state = TrialState::ready;
  int attempts = 0, failures = 0;
  double cost = 1;
  // running
  std::optional<Owner> owner;
  bool owner_gone = false;     // as far as this machine can tell
  double running_seconds = 0;  // by the wall clock, to show; 0 when clocks disagree
  Json progress;
  double share = 0;  // of its steps, from progress
  // done
  std::optional<double> held_out;
  double seconds = 0;
  // failed, diverged, blocked; and why the last attempt of a trial that goes on ended
  std::string reason;
};

struct Board {
  std::vector<BoardRow> rows;  // as the trials are listed
  int waiting = 0, running = 0, done = 0, failed = 0, diverged = 0, blocked = 0;
  std::optional<std::size_t> best;  // the row with the highest held-out accuracy, ties to the first
  // By the seconds of what is done; nothing before the first is done.
  std::optional<double> trials_per_hour, seconds_left;

  bool all_final() const { return waiting == 0 && running == 0; }
  bool whole() const { return done == static_cast<int>(rows.size()); }
};

// Reads the folders; never writes. Rows that are done are taken over from `before`, a board of
// the same trials.
Board scan(const fs::path& sweep, const std::vector<Trial>& trials, int retries,
           const Board* before = nullptr);

struct BoardView {
  std::size_t width = 100;
  std::size_t lines = 0;  // the most that the text may have; 0: no limit
  bool every_trial = false;
};

// "12 of 72 done, 4 running, ...": one line without a newline.
std::string headline(const Board& board);
// The headline and a table: what runs, what failed, the best ones; or every trial.
std::string board_text(const Board& board, const BoardView& view);
Json to_json(const Board& board);

}  // namespace stockpot
