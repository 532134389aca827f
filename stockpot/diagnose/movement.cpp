#include "stockpot/diagnose/movement.h"

#include <cassert>
#include <cmath>

namespace stockpot::diagnose {
namespace {

constexpr double kBinsPerDoubling = 64;

}  // namespace

void LengthHistogram::add(double length) {
  ++count_;
  if (length > 0)
    ++bins_[static_cast<int>(std::floor(kBinsPerDoubling * std::log2(length)))];
  else
    ++zeros_;
}

double LengthHistogram::median() const {
  std::int64_t seen = zeros_;
  const std::int64_t wanted = (count_ + 1) / 2;
  if (seen >= wanted) return 0;
  for (const auto& [bin, count] : bins_)
    if ((seen += count) >= wanted) return std::exp2((bin + 0.5) / kBinsPerDoubling);
  return 0;
}

Movement::Movement(std::int64_t features, Directions directions)
    : mean_before_(VectorXd::Zero(features)),
      mean_after_(VectorXd::Zero(features)),
      moved_(VectorXd::Zero(features)),
      cross_(MatrixXd::Zero(features, features)),
      displacement_(directions == Directions::measured ? MatrixXd::Zero(features, features)
                                                       : MatrixXd()) {}

VectorXd Movement::add(const MatrixXd& before, const MatrixXd& after) {
  assert(before.rows() == after.rows() && before.cols() == after.cols());
  const double old = static_cast<double>(count_), added = static_cast<double>(before.rows());
  const VectorXd first = before.colwise().mean(), second = after.colwise().mean();
  add_product(cross_, before.rowwise() - first.transpose(), after.rowwise() - second.transpose());
  const VectorXd shift_before = first - mean_before_, shift_after = second - mean_after_;
  cross_.noalias() += (old * added / (old + added)) * shift_before * shift_after.transpose();
  mean_before_ += added / (old + added) * shift_before;
  mean_after_ += added / (old + added) * shift_after;

  // By itself, not from the other moments: features that hardly moved would lose their digits.
  const MatrixXd moved = after - before;
  if (displacement_.size() > 0) add_square(displacement_, moved);
  moved_ += moved.colwise().sum();
  const VectorXd lengths = row_lengths(moved);
  distances_ += lengths.sum();
  squares_ += lengths.squaredNorm();
  for (const double length : lengths) histogram_.add(length);
  count_ += before.rows();
  return lengths;
}

double Movement::common_share() const {
  const double square = mean_square();
  return square > 0 ? (moved_ / static_cast<double>(count_)).squaredNorm() / square : 0;
}

}  // namespace stockpot::diagnose
