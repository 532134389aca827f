// Fisher merging (Matena and Raffel 2022, "Merging Models with Fisher-Weighted Averaging"):
// theta = sum_i w_i F_i theta_i / sum_i w_i F_i for each element, F_i the diagonal of the Fisher
// information of model i.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/merge/method.h"

namespace stockpot {

struct FisherOptions {
  // Both are published, for elements that no example has moved: the larger of F and the minimum
  // (Matena and Raffel's and WiSE-FT's programs), or F plus the minimum (fusion_bench).
  enum class Minimum { floor, add };
  Minimum minimum_rule = Minimum::floor;
  double minimum = 1e-6;
  // Model i counts by 1 / (||F_i|| + minimum), divided by the sum of these over all models, so
  // that the scale of its Fisher information has no effect (fusion_bench). The norm is over all
  // tensors that are merged.
  bool normalize_models = false;
};

// Tensors that some model has no Fisher information for become the weighted mean of the models.
class FisherMerge : public MergeMethod {
 public:
  // statistics: for each model, by TensorJob::origin, a checkpoint with the names and shapes of
  // the model's tensors and values of zero or more.
  FisherMerge(std::vector<Checkpoint> statistics, const FisherOptions& options);
  // Reads the statistics once. Throws UsageError: another number of files than models, weights
  // that are negative or all zero, a minimum below zero; FormatError naming the file and the
  // tensor: another shape than the model's, values that are negative, NaN or infinite.
  void survey(std::span<const TensorJob> jobs, Progress& progress) override;
  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const override;
  Json options() const override;
  // {plain_mean: [names]}, and {model_factors: [...]} with normalize_models.
  Json findings() const override;
  std::span<const Checkpoint> statistics() const override { return statistics_; }

 private:
  double squares(const TensorJob& job, std::size_t model, const TensorView& fisher) const;

  std::vector<Checkpoint> statistics_;
  FisherOptions options_;
  std::vector<double> factors_;                                    // by origin
  std::map<std::string, std::vector<const TensorView*>> fishers_;  // by tensor; none: plain mean
  std::vector<std::string> plain_;
};

}  // namespace stockpot
