// FeatureRows on the CPU: packed once for the products of kernels/gemm.h.
#pragma once

#include <functional>

#include "stockpot/train/feature_rows.h"

namespace stockpot {

// The rows are cut into chunks, and the chunks into groups that run side by side. A chunk's
// scores, residuals and share of the gradient are made while its features are in the
// second-level cache, so that the features come from memory once for both products. Chunks and
// groups depend on the shape alone, and groups are added up in order: so the results do not
// depend on the number of threads. Number is float or double: scores and residuals are of it.
template <typename Number>
class PackedRows : public FeatureRows {
 public:
  // features: n x d on the CPU; not kept.
  PackedRows(const at::Tensor& features, const Normalisation& normalisation,
             const at::Tensor& labels, std::int64_t classes);

  std::size_t company() const override;
  std::vector<LossSums> evaluate(std::span<const Coefficients* const> classifiers,
                                 std::span<Coefficients* const> gradients) override;
  std::vector<std::int64_t> count_correct(
      std::span<const Coefficients* const> classifiers) override;
  void gram(std::int64_t count, const float* vectors, float* products) override;
  double gram_trace() override;

 private:
  using Numbers = std::unique_ptr<Number[]>;
  // What to do with a chunk's scores (columns x samples, chunk_ numbers from row to row).
  using OnScores =
      std::function<void(std::int64_t group, std::int64_t chunk, std::int64_t samples, Number*)>;

  // A block of at most packed_depth() features of at most packed_panel() samples of a chunk.
  struct Panel {
    std::int64_t first_feature, features, first_sample, samples;
    Number* data;  // a row of packed_columns(samples) numbers for each feature
  };
  void for_each_panel(std::int64_t chunk, const std::function<void(const Panel&)>& body) const;
  void pack_chunk(const at::Tensor& features, const Normalisation& normalisation,
                  std::int64_t chunk);
  std::int64_t samples(std::int64_t chunk) const;
  // Scores of `columns` linear functions for every stride-th chunk; when `gradients`, what
  // on_scores leaves in their place is multiplied with the features and added up, by group.
  void pass(std::int64_t columns, const Number* weights, const Number* intercepts,
            std::int64_t stride, bool gradients, const OnScores& on_scores);
  void make_room(std::int64_t columns);
  // Calls use(feature, sum over the groups of each column's gradient) for every feature, on all
  // threads.
  void sum_groups(std::int64_t columns,
                  const std::function<void(std::int64_t feature, const double* sums)>& use) const;
  // For what a sample of the rows can tell: every so many chunks, and how much they stand for.
  std::int64_t sample_stride() const;
  double sample_scale() const;

  std::int64_t chunk_, chunks_, groups_;
  Numbers packed_;  // panels, chunk after chunk
  std::vector<std::int32_t> labels_;
  // Of each group; grown as needed.
  std::int64_t room_ = 0;  // columns
  struct Work {
    Numbers scores, residuals;  // columns x chunk_; a panel of their transpose, packed
    Numbers gradient;           // features_ x packed_columns(room_)
  };
  std::vector<Work> work_;
};

}  // namespace stockpot
