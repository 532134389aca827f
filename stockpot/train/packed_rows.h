// FeatureRows on the CPU in float32: packed once for the products of kernels/gemm.h.
#pragma once

#include <functional>

#include "stockpot/train/feature_rows.h"

namespace stockpot {

// The rows are cut into chunks of at most kMostSamples, and the chunks into groups that run side
// by side. A chunk's scores, residuals and share of the gradient are made while its features are
// in the second-level cache. Chunks and groups depend on the shape alone, and groups are added up
// in order: so the results do not depend on the number of threads.
class PackedRows : public FeatureRows {
 public:
  // features: n x d, contiguous float32 on the CPU; not kept.
  PackedRows(const at::Tensor& features, const Normalisation& normalisation,
             const at::Tensor& labels, std::int64_t classes);

  std::vector<LossSums> evaluate(std::span<const Coefficients* const> classifiers,
                                 std::span<Coefficients* const> gradients) override;
  std::vector<std::int64_t> count_correct(
      std::span<const Coefficients* const> classifiers) override;
  void gram(std::int64_t count, const float* vectors, float* products) override;
  double gram_trace() override;

 private:
  using Floats = std::unique_ptr<float[]>;
  // What to do with a chunk's scores (columns x samples, chunk_ floats from row to row).
  using OnScores =
      std::function<void(std::int64_t group, std::int64_t chunk, std::int64_t samples, float*)>;

  void pack_chunk(const at::Tensor& features, const Normalisation& normalisation,
                  std::int64_t chunk);
  std::int64_t samples(std::int64_t chunk) const;
  // Scores of `columns` linear functions for every stride-th chunk; when `gradients`, what
  // on_scores leaves in their place is multiplied with the features and added up, by group.
  void pass(std::int64_t columns, const float* weights, const float* intercepts,
            std::int64_t stride, bool gradients, const OnScores& on_scores);
  std::int64_t sample_stride() const;

  std::int64_t chunk_, chunks_, groups_;
  Floats by_sample_, by_feature_;  // packed for scores and for gradients, chunk after chunk
  std::vector<std::int32_t> labels_;
  // Of each group; grown as needed.
  std::int64_t room_ = 0;  // columns
  std::vector<Floats> scores_, partial_gradients_;
};

}  // namespace stockpot
