// The classes that have training rows: a class without any would send its free intercept to
// minus infinity, so the probe is fitted without it.
#pragma once

#include <vector>

#include "stockpot/train/feature_rows.h"

namespace stockpot {

struct PresentClasses {
  // labels: int64 on the CPU in 0..classes-1.
  PresentClasses(const at::Tensor& labels, std::int64_t classes);

  std::int64_t count() const { return static_cast<std::int64_t>(names.size()); }
  std::int64_t all() const { return static_cast<std::int64_t>(position.size()); }
  // Labels numbered among the present classes; -1 for the others, and where it was -1.
  at::Tensor translate(const at::Tensor& labels) const;

  std::vector<std::int64_t> position;  // of each class among the present ones, or -1
  std::vector<std::int64_t> names;     // of the present ones
  std::vector<double> shares;          // of the rows, of the present ones
};

// A classifier of the present classes for normalised features as one of all classes for raw
// features, float32: W' = W scale, b' = b - W' mean. Absent classes get zero rows; as the rows
// of W and b sum to zero over the classes, these never have the largest logit.
struct RawClassifier {
  at::Tensor weight, bias;  // classes x d, classes
};
RawClassifier fold_back(const Coefficients& coefficients, const Normalisation& normalisation,
                        const PresentClasses& present);

}  // namespace stockpot
