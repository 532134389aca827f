// Accuracy on corrupted copies of pictures, with an interval that counts pictures.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/pictures.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/metrics/right_rows.h"

namespace stockpot {

// The mean of the accuracies of sets, one set or more, with its 95 % interval when rows are
// corrupted copies of one picture, within a set or in several.
//
// Pictures are the independent units (clusters): the variance of the mean is that of the pictures'
// sums of residuals, (G / (G - 1)) * sum over G pictures of (sum of (right - p_s) / (n_s S))^2, but
// not less than that of as many independent rows. The interval is Wilson's at the number of
// independent rows that would have this variance (Kish 1965; Korn and Graubard 1998), which stays
// within [0, 1] and has a width at accuracies of 0 and 1: there the pictures are counted.
class PictureMean {
 public:
  // Copies are known by their ids: rows without ids are none.
  void add(const RightRows& right, const Pictures& pictures);
  void add(const Predictions& set) { add(RightRows(set), pictures_of(set.ids)); }
  // Nothing when no picture has two rows, or no row is corrupted: rows are independent, and equal
  // ids in several sets are other pictures.
  std::optional<Interval> interval() const;

 private:
  struct Picture {
    std::size_t id = 0;   // a hash of it
    double residual = 0;  // sum over its rows of (right - p_s) / n_s
  };
  std::vector<Picture> pictures_;  // by id
  std::int64_t rows_ = 0;          // with ids
  bool corrupted_ = false;         // some row is
  double sum_ = 0;                 // of the sets' accuracies p_s
  double rows_variance_ = 0;       // of that sum, were all rows independent
  double unnamed_variance_ = 0;    // the part of sets without ids
  std::int64_t sets_ = 0;
};

}  // namespace stockpot
