// Accuracy on corrupted copies of pictures: five severities of one picture are five rows, but not
// five independent ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot {

// The id of the picture that a row shows: "a/1.png@jpeg:3", a corrupted copy, shows "a/1.png".
std::string_view picture_of(std::string_view id);

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
  void add(const Predictions& set);
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

// Whether rows of this one set are copies of one picture.
bool has_copies(const Predictions& set);

}  // namespace stockpot
