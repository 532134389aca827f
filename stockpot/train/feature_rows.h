// A set of labelled features, normalised, and the passes over it that linear softmax classifiers
// need. Many classifiers (penalties) go through one pass: their weights are the columns of one
// matrix product, and the features are read once for all of them.
//
// What a path of penalties costs: evaluating one classifier is two products with the n x d
// features, 4 n d k floating-point operations; a path of 100 penalties takes about 2.3 to 3.6
// evaluations a penalty (every penalty needs one to be certified: 4 n d k is the floor). With
// n = 50,000, d = 512, k = 10 that is 1.02 GFLOP and, read once each way, 2 x 102 MB of
// features an evaluation, or 102 GFLOP for the floor of the path.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "stockpot/train/probe_kernels.h"

namespace stockpot {

// A linear classifier: classes x features weights, row after row, then classes intercepts.
using Coefficients = std::vector<double>;

// (x - mean) * scale, column by column.
struct Normalisation {
  std::vector<double> mean, scale;
};

enum class Precision { float32, float64 };

class FeatureRows {
 public:
  virtual ~FeatureRows() = default;

  std::int64_t rows() const { return rows_; }
  std::int64_t features() const { return features_; }
  std::int64_t classes() const { return classes_; }
  std::int64_t length() const { return classes_ * (features_ + 1); }  // of Coefficients

  // How many classifiers a pass takes that hardly make it longer than one does; at least 1.
  virtual std::size_t company() const = 0;

  // The loss (the sum of the cross entropies) of every classifier, and its gradient, which has
  // the layout of the coefficients, into gradients[i]. Labels must be in 0..classes-1.
  virtual std::vector<LossSums> evaluate(std::span<const Coefficients* const> classifiers,
                                         std::span<Coefficients* const> gradients) = 0;

  // How many rows each classifier gets right. Labels may be -1, a class that it does not know.
  virtual std::vector<std::int64_t> count_correct(
      std::span<const Coefficients* const> classifiers) = 0;

  // products = vectors A' A (count x features each) for the normalised features A, from a
  // sample of the rows when there are many, scaled to all of them.
  virtual void gram(std::int64_t count, const float* vectors, float* products) = 0;
  // The trace of the same A' A.
  virtual double gram_trace() = 0;

 protected:
  FeatureRows(std::int64_t rows, std::int64_t features, std::int64_t classes)
      : rows_(rows), features_(features), classes_(classes) {}

  const std::int64_t rows_, features_, classes_;
};

// features: n x d of any floating-point type, on any device, whose passes then run there;
// labels: n contiguous int64 on the CPU. On the CPU results have the same bits for any number of
// threads. Sums over rows are float64 in both precisions; float32 holds the optimum's objective to
// about 1e-8, float64 takes 1.5 to 3 times as long on a CPU.
std::unique_ptr<FeatureRows> make_feature_rows(const at::Tensor& features,
                                               const Normalisation& normalisation,
                                               const at::Tensor& labels, std::int64_t classes,
                                               Precision precision);

}  // namespace stockpot
