// Everything that shows a sweep while it goes on.
#pragma once

#include <optional>
#include <string>

#include "cli/live_board.h"
#include "stockpot/sweep/event_mirror.h"
#include "stockpot/sweep/plan_file.h"

namespace stockpot::cli {

// What to keep up to date besides the terminal; "" where nothing is asked.
struct FollowTargets {
  std::filesystem::path tensorboard;  // a folder for event files
  std::filesystem::path prometheus;   // a text file for the node exporter
};

class SweepFollower {
 public:
  SweepFollower(const fs::path& sweep, const SweepPlan& plan, const FollowTargets& targets,
                LiveBoard& live);

  // Shows the board everywhere. What cannot be written is told once and left out then: work on
  // the trials goes on.
  void show(const Board& board);
  // Writes the targets only. Throws WriteError, FormatError.
  void update_targets(const Board& board);

 private:
  fs::path sweep_;
  const SweepPlan& plan_;
  FollowTargets targets_;
  LiveBoard& live_;
  std::optional<EventMirror> mirror_;
};

}  // namespace stockpot::cli
