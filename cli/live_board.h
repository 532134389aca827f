// The table of a sweep, redrawn in place on a terminal.
#pragma once

#include <chrono>
#include <cstddef>

#include "stockpot/base/progress.h"
#include "stockpot/sweep/board.h"

namespace stockpot::cli {

// On stderr. Elsewhere than on a terminal: the headline, at most every 30 seconds. Quiet says
// nothing at all.
class LiveBoard : public Progress {
 public:
  LiveBoard(bool quiet, bool every_trial);
  ~LiveBoard() override;
  void show(const Board& board);
  // A line that stays, above the table.
  void say(const std::string& line) override;
  void status(const std::string&) override {}

 private:
  void draw();
  void erase();

  bool quiet_, live_, every_trial_;
  Board board_;
  std::size_t lines_ = 0;  // on the screen now
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace stockpot::cli
