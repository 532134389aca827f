// FeatureRows by LibTorch's operators: for CUDA, and for float64 on the CPU.
#pragma once

#include "stockpot/train/feature_rows.h"

namespace stockpot {

class TensorRows : public FeatureRows {
 public:
  // features: n x d on any device; a normalised copy of them is kept there.
  TensorRows(const at::Tensor& features, const Normalisation& normalisation,
             const at::Tensor& labels, std::int64_t classes, Precision precision);

  bool likes_company() const override { return inputs_.is_cuda(); }
  std::vector<LossSums> evaluate(std::span<const Coefficients* const> classifiers,
                                 std::span<Coefficients* const> gradients) override;
  std::vector<std::int64_t> count_correct(
      std::span<const Coefficients* const> classifiers) override;
  void gram(std::int64_t count, const float* vectors, float* products) override;
  double gram_trace() override;

 private:
  // Classifiers that fit into one pass.
  std::size_t most_classifiers() const;
  // Rows that are worked on at once, for that many columns of scores.
  std::int64_t slice(std::int64_t columns) const;
  // (classifiers x classes) x width: weights, the intercept, zeros.
  at::Tensor upload(std::span<const Coefficients* const> classifiers) const;
  // Scores of these rows, n x classifiers x classes.
  at::Tensor scores(const at::Tensor& columns, std::int64_t begin, std::int64_t end) const;
  // Adds what these rows make of their scores to gradient (columns x width) and to sums (loss
  // and spread x classifiers).
  void add_rows(at::Tensor scores, std::int64_t begin, std::int64_t end, at::Tensor& gradient,
                at::Tensor& sums) const;

  // n x width: the features, a column of ones for the intercepts, and zeros up to a width that
  // suits the products; n x 1 x 1.
  at::Tensor inputs_, labels_;
};

}  // namespace stockpot
