// FeatureRows by LibTorch's operators: for CUDA. On the CPU tests compare with it.
#pragma once

#include <memory>

#include "stockpot/model/compat.h"
#include "stockpot/train/feature_rows.h"

namespace stockpot {

class TensorRows : public FeatureRows {
 public:
  // features: n x d on any device; a normalised copy of them is kept there.
  TensorRows(const at::Tensor& features, const Normalisation& normalisation,
             const at::Tensor& labels, std::int64_t classes, Precision precision);

  std::size_t company() const override;
  std::vector<LossSums> evaluate(std::span<const Coefficients* const> classifiers,
                                 std::span<Coefficients* const> gradients) override;
  std::vector<std::int64_t> count_correct(
      std::span<const Coefficients* const> classifiers) override;
  void gram(std::int64_t count, const float* vectors, float* products) override;
  double gram_trace() override;

 private:
  // Whether a pass for one classifier leaves a GPU idle for most of its time.
  bool is_short() const;
  // Classifiers that fit into one pass.
  std::size_t most_classifiers() const;
  // Rows that are worked on at once, for that many columns of scores.
  std::int64_t slice(std::int64_t columns) const;
  // Writes the rows of a matrix on the host, (classifiers x classes) x width: weights, the
  // intercept; what stands behind these is left as it is.
  void write_weights(std::span<const Coefficients* const> classifiers, at::Tensor host) const;
  at::Tensor upload(std::span<const Coefficients* const> classifiers) const;
  // What pass() gives for these, on the host, with one launch where that is possible.
  at::Tensor pass_over(std::span<const Coefficients* const> classifiers);
  // Of every classifier: gradient (classes x width); then loss and spread, two float64 numbers
  // whatever the type of the others.
  at::Tensor pass(const at::Tensor& columns) const;
  // Scores of these rows, classifiers x classes x n: kernels over the classes are two to four times
  // as fast as where a row's scores lie side by side.
  at::Tensor scores(const at::Tensor& columns, std::int64_t begin, std::int64_t end) const;
  // Adds what these rows make of their scores to gradient (columns x width) and to sums (loss
  // and spread x classifiers).
  void add_rows(const at::Tensor& scores, std::int64_t begin, std::int64_t end,
                at::Tensor& gradient, at::Tensor& sums) const;

  // n x width: the features, a column of ones for the intercepts, and zeros up to a width that
  // suits the products; 1 x 1 x n.
  at::Tensor inputs_, labels_;

  // A pass for company() classifiers, recorded the second time that so few are to be evaluated.
  struct Recording {
    int passes = 0;
    at::Tensor columns, result, host_columns, host_result;
    std::unique_ptr<DeviceGraph> graph;  // null: not yet, or it cannot be recorded
  };
  Recording recording_;
};

}  // namespace stockpot
