// Model Stock (Jang et al. 2024, "Model Stock: All We Need Is Just a Few Fine-Tuned Models").
//
// For each tensor, with N models and the mean cosine c of the angles between their task vectors:
//   t = N c / (1 + (N - 1) c),   theta = theta_0 + t * (mean of theta_i - theta_0).
// No constant is added to norms: the ratio does not depend on how far the models have moved.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/merge/gram.h"
#include "stockpot/merge/method.h"

namespace stockpot {

struct ModelStockOptions {
  bool by_filter = false;       // a ratio for each row (gram.h) instead of each tensor
  bool clamp = true;            // t into 0..1; negative cosines give 0
  bool average_angles = false;  // the cosine of the mean angle instead of the mean cosine
};

// The ratio of N >= 2 models. Without clamp it is finite too: 0 where the formula divides by 0.
double stock_ratio(double cosine, std::size_t models, bool clamp);

// Pairs of which one model equals theta_0 have no angle and are left out; where no pair is left
// t is 0, and 1 where all equal theta_0. Models have no weights. TensorJob::scale multiplies t.
class ModelStock : public MergeMethod {
 public:
  explicit ModelStock(const ModelStockOptions& options) : options_(options) {}
  bool needs_base() const override { return true; }
  // Throws UsageError: fewer than two models, or weights that differ.
  void survey(std::span<const TensorJob> jobs, Progress& progress) override;
  void study(const TensorJob& job, TensorPass& pass) override;
  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const override;
  Json options() const override;
  // For each tensor {name, cosine, t}; by filter {name, rows, t_min, t_mean, t_max}; and the
  // number of pairs that were left out, where there are some.
  Json findings() const override;

 private:
  std::vector<double> find(const TensorJob& job, TensorPass& pass, Json& finding);
  Gram summed_gram(const TensorJob& job, TensorPass& pass);
  void read_total(const TensorJob& job, std::int64_t first, std::span<const double> base,
                  std::span<double> out) const;

  ModelStockOptions options_;
  std::map<std::string, std::vector<double>> ratios_;  // by tensor: one, or one for each row
  std::vector<Json> findings_;
  // The sum of the task vectors of the tensor named last, where there is room for it: its models
  // then need no second pass.
  std::optional<std::string> summed_;
  std::vector<double> total_;
};

}  // namespace stockpot
