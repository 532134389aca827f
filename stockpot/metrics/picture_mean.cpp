#include "stockpot/metrics/picture_mean.h"

#include <algorithm>
#include <functional>

#include "stockpot/metrics/right_rows.h"

namespace stockpot {

std::string_view picture_of(std::string_view id) {
  // "@name:severity" at the end, as the sources of data write it.
  const std::size_t at = id.rfind('@');
  if (at == std::string_view::npos || id.size() < at + 4) return id;
  const std::string_view name = id.substr(at + 1, id.size() - at - 3);
  const bool corrupted =
      id[id.size() - 2] == ':' && id.back() >= '1' && id.back() <= '5' &&
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return corrupted ? id.substr(0, at) : id;
}

void PictureMean::add(const Predictions& set) {
  const RightRows right(set);
  const auto rows = static_cast<double>(set.rows());
  const double p = set.rows() > 0 ? static_cast<double>(right.count()) / rows : 0;
  ++sets_;
  sum_ += p;
  if (set.rows() > 0) rows_variance_ += p * (1 - p) / rows;
  if (set.ids.empty() && set.rows() > 0) unnamed_variance_ += p * (1 - p) / rows;
  if (set.ids.empty()) return;
  for (std::int64_t i = 0; i < set.rows(); ++i) {
    const std::string_view id = set.ids[static_cast<std::size_t>(i)], picture = picture_of(id);
    corrupted_ |= picture.size() < id.size();
    pictures_.push_back({std::hash<std::string_view>()(picture), ((right[i] ? 1 : 0) - p) / rows});
  }
  rows_ += set.rows();
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

bool has_copies(const Predictions& set) {
  PictureMean mean;
  mean.add(set);
  return mean.interval().has_value();
}

}  // namespace stockpot
