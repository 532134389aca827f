// How far the features of the same pictures moved from one model to another, over a stream.
#pragma once

#include <map>

#include "stockpot/diagnose/moments.h"

namespace stockpot::diagnose {

// Quantiles of a stream of lengths in bounded memory: counts in bins 1.1 % wide.
class LengthHistogram {
 public:
  void add(double length);  // >= 0, finite
  double median() const;    // to 0.6 %; of an even count the lower of the two
 private:
  std::map<int, std::int64_t> bins_;  // by floor(64 log2(length))
  std::int64_t zeros_ = 0, count_ = 0;
};

// Before and after have the same number of features.
class Movement {
 public:
  // Directions::left_out: displacement() is not measured, a third of the work.
  enum class Directions { measured, left_out };
  explicit Movement(std::int64_t features, Directions directions = Directions::measured);

  // n x d each, of the same pictures in the same order. Returns the n distances.
  VectorXd add(const MatrixXd& before, const MatrixXd& after);

  std::int64_t count() const { return count_; }
  double mean_distance() const { return distances_ / static_cast<double>(count_); }
  double median_distance() const { return histogram_.median(); }
  double mean_square() const { return squares_ / static_cast<double>(count_); }
  // Sum over the rows of (x - mean x)(y - mean y)^T, d x d: x before, y after.
  const MatrixXd& cross() const { return cross_; }
  // Sum over the rows of (y - x)(y - x)^T, d x d, about zero; empty when left out.
  MatrixXd displacement() const { return symmetric(displacement_); }
  // Share of the squared movement that all rows have in common: ||mean(y - x)||^2 / mean square;
  // 0 when nothing moved.
  double common_share() const;

 private:
  std::int64_t count_ = 0;
  double distances_ = 0, squares_ = 0;
  VectorXd mean_before_, mean_after_, moved_;
  MatrixXd cross_, displacement_;  // of the second the lower triangle
  LengthHistogram histogram_;
};

}  // namespace stockpot::diagnose
