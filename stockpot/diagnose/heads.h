// Linear heads: what they say of features, and how two of them differ.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "stockpot/diagnose/moments.h"

namespace stockpot::diagnose {

struct Head {
  MatrixXd weight;  // classes x d
  VectorXd bias;    // classes
};

struct Counts {
  std::int64_t right = 0, total = 0;
  double share() const {
    return total ? static_cast<double>(right) / static_cast<double>(total) : 0;
  }
  Counts& operator+=(const Counts& more) {
    right += more.right;
    total += more.total;
    return *this;
  }
};

// For each row whether the largest logit is the label's; the first of equal ones counts.
std::vector<bool> head_is_right(const Head& head, const MatrixXd& rows,
                                std::span<const std::int64_t> labels);

// The nearest class mean in Euclidean distance: how well features tell classes apart with nothing
// trained on them but means. Classes without rows are never chosen.
class NearestMean {
 public:
  // Means of the rows that `moments` has seen.
  explicit NearestMean(const FeatureMoments& moments);
  // leave_out: the rows are among those that made the means, and each is judged by the means of
  // the others (exactly: its own class's mean moves away from it by n / (n - 1)).
  Counts judge(const MatrixXd& rows, std::span<const std::int64_t> labels, bool leave_out) const;

 private:
  MatrixXd means_;  // classes x d
  VectorXd squares_;
  std::vector<std::int64_t> counts_;
};

// From the head of one model to that of another over the same classes and features.
struct HeadChange {
  double cosine = 0;                  // of the flattened weights
  std::vector<double> class_cosines;  // of each class's row; 0 when a row is zero
  double relative_change = 0;         // ||after - before||_F / ||before||_F; infinite from zero
  double largest_degrees = 0, mean_cosine = 0;  // principal angles between the rows' spans
};
// Nothing when a head is zero.
std::optional<HeadChange> head_change(const Head& before, const Head& after);

}  // namespace stockpot::diagnose
