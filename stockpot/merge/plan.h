// What a merge does with every tensor, decided and checked before any value is read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/output.h"
#include "stockpot/merge/method.h"

namespace stockpot {

// What is done with the tensors of a group instead of the method's usual work.
enum class GroupAction { merge, take_first, take_best, skip, copy_base };

struct GroupRule {
  std::function<bool(std::string_view name)> matches;
  GroupAction action = GroupAction::merge;
  std::vector<double> weights;  // merge: of the models; empty: the merge's own
  std::optional<double> scale;  // merge: the method's strength (lambda, alpha)
  std::string text;             // as the user wrote it
};

// "REGEX=average|take-first|take-best|skip|copy-base|W|W1:W2:..." split at its last '='. One
// number is the method's strength for the group, several are the models' weights. Throws
// UsageError.
GroupRule parse_group(const std::string& text, std::size_t models);
// The same for the head, or for everything but the head (checkpoint/tensor_role.h): "take-first".
GroupRule head_rule(const std::string& policy, std::size_t models);
GroupRule backbone_rule(const std::string& policy, std::size_t models);

// BatchNorm's running statistics: kept from the first model; averaged number by number; by the
// law of total variance (mean = mean of the means, variance = mean of the variances + variance of
// the means); the same and marked for recomputing on data; or merged as all other tensors, with
// the method and its weights.
enum class BatchNormPolicy { keep, average, variance, recompute, mixed };
// Integer and bool tensors that differ: an error but for num_batches_tracked, whose largest value
// is taken; or the largest of each element; or those of the first model.
enum class IntegerPolicy { checked, max, first };

struct MergeOptions {
  std::vector<double> weights;    // of the models, in their order; empty: all 1
  double scale = 1;               // the method's strength
  std::vector<double> shares;     // of the models in BatchNorm's statistics (statistics.h)
  std::vector<GroupRule> groups;  // the first that matches decides
  std::vector<double> depth;      // strengths over depth (block.h), interpolated; empty: scale
  BatchNormPolicy batchnorm = BatchNormPolicy::variance;
  IntegerPolicy integers = IntegerPolicy::checked;
  bool intersection = false;        // leave out tensors that some models lack
  std::optional<std::size_t> best;  // the model that take-best means
  std::optional<Dtype> dtype;       // of the floating-point tensors written
  Container container = Container::safetensors;
};

struct PlannedTensor {
  enum class Kind { merged, copied, total_variance, largest };
  Kind kind = Kind::merged;
  OutputTensor output;
  TensorJob job;                           // merged
  std::vector<const TensorView*> sources;  // copied: one; total_variance: means, then variances
  std::string why;  // for people: "BatchNorm statistics", "integers", a group
};

struct MergePlan {
  std::vector<const Checkpoint*> models;  // in the caller's order
  const Checkpoint* base = nullptr;
  std::vector<double> shares;          // MergeOptions::shares
  std::vector<std::size_t> order;      // the canonical order: models[order[i]] comes i-th
  std::vector<std::uint64_t> keys;     // of the models' contents (model_order.h), in that order
  std::vector<PlannedTensor> tensors;  // by name
  std::vector<std::pair<std::string, std::string>> skipped;  // name, why
  std::vector<std::string> notes;
  bool has_batchnorm = false;

  std::uint64_t bytes_to_read() const;
  std::uint64_t bytes_to_write() const;
  std::map<std::string, std::size_t> counts() const;  // tensors by why
};

// Throws FormatError naming the files and tensors: a tensor missing, another shape, integers that
// differ, types that cannot be averaged, a base that lacks a tensor. Throws UsageError for
// options that do not fit the models. The models must outlive the plan. Same plan for any order
// of the models but for what take-first and labels mean.
MergePlan plan_merge(const std::vector<Checkpoint>& models, const Checkpoint* base,
                     bool method_needs_base, const MergeOptions& options);

}  // namespace stockpot
