// BatchNorm's statistics of a soup that was found: which ones it gets, and what each would score.
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "cli/write_commands.h"
#include "stockpot/base/json.h"
#include "stockpot/model/classifier.h"
#include "stockpot/pipeline/mixtures.h"

namespace stockpot::cli {

struct BatchNormScore {
  std::string policy;  // "average", "variance", "keep" or "recompute"
  Accuracy held_out;
  double nll = 0;
};

// What compare looks at.
inline const std::vector<std::string> kBatchNormPolicies = {"average", "variance", "keep",
                                                            "recompute"};

class SoupBatchNorm {
 public:
  // `held_out`: needed to score, may be nullptr otherwise. `pictures`: for recompute, labels are
  // not looked at. Both sets must outlive this.
  SoupBatchNorm(std::vector<fs::path> ingredients, const ImageDataset* held_out,
                const ImageDataset& pictures, at::Device device, bool bf16, Progress& progress);

  // The mean of the ingredients on the held-out set with each of these policies.
  const std::vector<BatchNormScore>& score(const std::vector<std::string>& policies);
  // Of those that were scored, the one with the most right rows, then the smaller loss, then the
  // first.
  const BatchNormScore& best() const;
  // Writes the soup with recomputed statistics: save_model().
  void save_recomputed(const fs::path& output, const OutputFlags& how);
  // Throws what the ingredients have against a soup of them.
  void check() const { mixtures("average"); }

  Json to_json() const;
  std::string text() const;  // a table

 private:
  Mixtures mixtures(const std::string& policy) const;
  std::vector<double> weights() const;

  std::vector<fs::path> ingredients_;
  const ImageDataset* held_out_;
  const ImageDataset& pictures_;
  at::Device device_;
  bool bf16_;
  Progress& progress_;
  std::vector<BatchNormScore> scores_;
};

// Writes the model as `average` writes an output: beside copies of the other files of the folder
// that it was loaded from, floating-point numbers in the type that is asked for. An output that is
// there stays in place until the new one is whole. Throws UsageError, WriteError, FormatError for a
// value that the type cannot hold.
void save_model(const Classifier& model, const fs::path& output, const OutputFlags& how,
                Progress& progress);

}  // namespace stockpot::cli
