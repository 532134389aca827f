// Where the held-out losses along a training run lie in a valley: the window of SWAD (Cha et al.
// 2021, Algorithm 1), found while the losses come in.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace stockpot {

struct SwadOptions {
  std::size_t start_patience = 3;  // N_s: the first of so many losses is their minimum
  std::size_t end_patience = 6;    // N_e: so many losses in a row above the threshold
  double tolerance = 1.3;          // r: the threshold is r times the mean of the first N_s losses
};
struct SwadWindow {
  std::size_t first = 0, last = 0;  // indices, both in
  double threshold = 0;
  bool ended = false;  // the loss rose above the threshold; else the window reaches to the end
};

// With N_s losses of which the first is the smallest the window starts at that one; from then on,
// when the last N_e losses lie above the threshold, it ends before them. The first is always in.
class SwadRule {
 public:
  // Throws UsageError for patience 0 and a tolerance that is not positive.
  explicit SwadRule(const SwadOptions& options = {});

  // The next loss; without effect once the window has ended. Throws UsageError when it is not
  // finite.
  void add(double loss);

  // Of the losses until now. Nothing while it has not started: the loss falls.
  const std::optional<SwadWindow>& window() const { return window_; }
  bool ended() const { return window_ && window_->ended; }
  bool contains(std::size_t index) const {
    return window_ && index >= window_->first && index <= window_->last;
  }
  // Losses that counted: all until the window ended.
  std::size_t count() const { return losses_.size(); }
  // So many of the last of them may come to lie in the window or outside, as losses to come will
  // say: fewer than the larger patience. contains() is final for those before.
  std::size_t undecided() const;

 private:
  void start();
  void go_on();

  SwadOptions options_;
  std::vector<double> losses_;
  std::size_t above_ = 0;  // so many last losses, behind the first of the window
  std::optional<SwadWindow> window_;
};

}  // namespace stockpot
