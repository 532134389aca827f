#include "stockpot/metrics/picture_mean.h"

#include <algorithm>
#include <cassert>

namespace stockpot {

void PictureMean::add(const RightRows& right, const Pictures& pictures) {
  const auto rows = static_cast<double>(right.rows());
  const double p = right.empty() ? 0 : static_cast<double>(right.count()) / rows;
  ++sets_;
  sum_ += p;
  if (!right.empty()) rows_variance_ += p * (1 - p) / rows;
  if (pictures.of_rows.empty()) {
    if (!right.empty()) unnamed_variance_ += p * (1 - p) / rows;
    return;
  }
  assert(std::ssize(pictures.of_rows) == right.rows());
  corrupted_ |= pictures.corrupted;
  for (std::int64_t i = 0; i < right.rows(); ++i)
    pictures_.push_back(
        {pictures.of_rows[static_cast<std::size_t>(i)], ((right[i] ? 1 : 0) - p) / rows});
  rows_ += right.rows();
  // One entry a picture again: as much memory as there are pictures, however many copies.
  std::ranges::stable_sort(pictures_, {}, &Picture::id);
  std::size_t last = 0;
  for (std::size_t i = 1; i < pictures_.size(); ++i) {
    if (pictures_[i].id == pictures_[last].id)
      pictures_[last].residual += pictures_[i].residual;
    else
      pictures_[++last] = pictures_[i];
  }
  if (!pictures_.empty()) pictures_.resize(last + 1);
}

std::optional<Interval> PictureMean::interval() const {
  const auto pictures = static_cast<double>(pictures_.size());
  if (!corrupted_ || std::ssize(pictures_) == rows_) return std::nullopt;
  double squares = 0;
  for (const Picture& picture : pictures_) squares += picture.residual * picture.residual;
  if (pictures > 1) squares *= pictures / (pictures - 1);
  const auto sets = static_cast<double>(sets_);
  const double mean = sum_ / sets,
               variance = std::max(squares + unnamed_variance_, rows_variance_) / (sets * sets);
  // Every set all right or all wrong: the number of pictures is all that is known.
  if (variance == 0) return wilson_interval(mean, pictures);
  return wilson_interval(mean, mean * (1 - mean) / variance);
}

}  // namespace stockpot
