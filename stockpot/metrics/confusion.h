// Who was taken for what, and the metrics that follow from it.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/metrics/predictions.h"

namespace stockpot {

// Counts of rows by label and predicted class. A row whose largest logit is NaN has no predicted
// class: it is counted in the last column, so that it is wrong whatever its label.
class Confusion {
 public:
  explicit Confusion(std::int64_t classes);

  void add(std::int64_t label, std::int64_t said) { ++at(label, said); }
  std::int64_t classes() const { return classes_; }
  std::int64_t count(std::int64_t label, std::int64_t said) const;
  std::int64_t none() const { return classes_; }  // the column of rows without a prediction
  std::int64_t labelled(std::int64_t label) const;
  std::int64_t predicted(std::int64_t said) const;
  std::int64_t correct() const;
  std::int64_t total() const;

 private:
  std::int64_t& at(std::int64_t label, std::int64_t said);
  std::int64_t classes_;
  std::vector<std::int64_t> counts_;  // classes x (classes + 1)
};

// The class that counts in a Confusion of so many classes: none() for NaN.
std::int64_t said_class(std::span<const float> logits);

// The definitions are those of scikit-learn, with 0 where a denominator is 0.
// The mean over the classes that have rows (balanced_accuracy_score).
double mean_per_class_accuracy(const Confusion& confusion);
// F1 of class `positive` against the rest (f1_score(average="binary")).
double f1(const Confusion& confusion, std::int64_t positive);
// The mean over the classes that are labels or predictions (f1_score(average="macro")).
double macro_f1(const Confusion& confusion);
// MRPC's and QQP's metric in GLUE: the mean of accuracy and F1 of class 1.
double mean_of_accuracy_and_f1(const Confusion& confusion);
// Matthews correlation, for any number of classes (Gorodkin 2004; matthews_corrcoef).
double matthews(const Confusion& confusion);

}  // namespace stockpot
