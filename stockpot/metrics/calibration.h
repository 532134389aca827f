// Calibration: whether a model that says 80 % is right in 80 % of the cases (Guo et al. 2017), and
// the one number that repairs most of it, a temperature.
//
// Probabilities are softmax(z / T) of logits z, in fp64; T is 1 unless it is given. The confidence
// of a row is its largest probability, its prediction predicted_class(). A logit that is NaN or
// infinite makes every number here NaN.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/metrics/predictions.h"

namespace stockpot {

enum class BinKind : std::uint8_t {
  mass,   // rows in order of confidence, cut into parts of equal size; the first n % bins parts
          // have one more (numpy.array_split). Equal confidences keep the rows' order.
  width,  // ((b - 1) / bins, b / bins], with 0 in the first (Guo et al. 2017)
};

// Some rows of similar confidence: a bar of the reliability diagram.
struct CalibrationBin {
  std::int64_t rows = 0, correct = 0;
  double confidence = 0;     // mean over the rows
  double low = 0, high = 0;  // the least and the largest confidence among them
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(rows); }
};

struct Reliability {
  std::vector<CalibrationBin> bins;  // those with rows, from low confidence up
  double expected_error = 0;         // ECE: sum of rows / n * |accuracy - confidence|
  double largest_error = 0;          // MCE: the largest of these differences
};

// Throws UsageError for fewer than one bin, FormatError for a label that there is no class of.
Reliability reliability(const Predictions& predictions, BinKind kind, int bins = 15,
                        double temperature = 1);

// Mean over the rows of sum_c (p_c - [c = label])^2: 0 is best, 2 worst (Brier 1950).
double brier_score(const Predictions& predictions, double temperature = 1);
// Mean of -log p_label.
double negative_log_likelihood(const Predictions& predictions, double temperature);

// All of these of one model on one set.
struct CalibrationScore {
  Reliability mass, width;
  double brier = 0, nll = 0;
};
CalibrationScore calibration_score(const Predictions& predictions, int bins = 15,
                                   double temperature = 1);

struct Temperature {
  double value = 1;
  double nll_before = 0, nll_after = 0;  // on the rows that it was fitted on
  // The likelihood grows up to the end of the range that is looked at, [0.01, 100] as T: all rows
  // are right (low end), or the logits say less than nothing about the labels (high end).
  bool at_bound = false;
};

// The temperature with the largest likelihood of the labels. The mean negative log-likelihood is
// convex in 1 / T: its minimum is found by Newton's steps within a bracket, to the last digits.
// For held-out rows: what it is fitted on says nothing new about itself. Throws UsageError for no
// rows, FormatError for logits that are not finite.
Temperature fit_temperature(const Predictions& held_out);

}  // namespace stockpot
