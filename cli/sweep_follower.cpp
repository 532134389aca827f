#include "cli/sweep_follower.h"

#include <chrono>

#include "stockpot/base/error.h"
#include "stockpot/sweep/prometheus.h"

namespace stockpot::cli {
namespace {

double unix_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

SweepFollower::SweepFollower(const fs::path& sweep, const SweepPlan& plan,
                             const FollowTargets& targets, LiveBoard& live)
    : sweep_(sweep), plan_(plan), targets_(targets), live_(live) {
  if (!targets.tensorboard.empty()) mirror_.emplace(sweep, targets.tensorboard, unix_time);
}

void SweepFollower::show(const Board& board) {
  try {
    update_targets(board);
  } catch (const std::exception& error) {
    live_.say(std::string(error.what()) + "; going on without it");
    mirror_.reset();
    targets_ = {};
  }
  live_.show(board);
}

void SweepFollower::update_targets(const Board& board) {
  if (mirror_) mirror_->update(plan_.trials);
  if (!targets_.prometheus.empty())
    write_prometheus(targets_.prometheus, board, fs::absolute(sweep_).string());
}

}  // namespace stockpot::cli
