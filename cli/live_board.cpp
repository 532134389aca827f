#include "cli/live_board.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "cli/terminal.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"

namespace stockpot::cli {
namespace {

constexpr auto kPauseElsewhere = std::chrono::seconds(30);

BoardView screen(bool every_trial) {
  winsize size{};
  BoardView view{.width = 100, .lines = 24, .every_trial = every_trial};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
    view = {.width = size.ws_col, .lines = size.ws_row, .every_trial = every_trial};
  // A full last column or row would scroll, and lines that wrap could not be erased.
  view.width = std::max<std::size_t>(view.width, 20) - 1;
  view.lines = std::max<std::size_t>(view.lines, 6) - 1;
  return view;
}

}  // namespace

LiveBoard::LiveBoard(bool quiet, bool every_trial)
    : quiet_(quiet), live_(is_live_terminal(STDERR_FILENO)), every_trial_(every_trial) {}

// The last table stays on the screen.
LiveBoard::~LiveBoard() = default;

void LiveBoard::show(const Board& board) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  if (!live_) {
    if (last_ != std::chrono::steady_clock::time_point{} && now - last_ < kPauseElsewhere) return;
    last_ = now;
    std::cerr << headline(board) << "\n" << std::flush;
    return;
  }
  board_ = board;
  erase();
  draw();
}

void LiveBoard::say(const std::string& line) {
  if (quiet_) return;
  const bool drawn = lines_ > 0;
  erase();
  std::cerr << line << "\n" << std::flush;
  if (drawn) draw();
}

void LiveBoard::draw() {
  const BoardView view = screen(every_trial_);
  std::string text;
  for (const std::string& line : split(board_text(board_, view), '\n'))
    if (!line.empty()) {
      text += shortened(line, view.width) + "\n";
      ++lines_;
    }
  std::cerr << text << std::flush;
}

void LiveBoard::erase() {
  if (lines_ > 0) std::cerr << "\r\033[" << lines_ << "A\033[J";
  lines_ = 0;
}

}  // namespace stockpot::cli
