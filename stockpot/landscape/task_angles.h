// Task vectors tau_i = theta_i - theta_0 of models that were fine-tuned from one: how long they
// are and at which angles they stand, in whole and block by block. Wortsman et al. 2022 find that
// two models gain the more from being averaged the larger the angle between their task vectors is.
//
// Over the floating-point tensors but BatchNorm's running statistics, which are no parameters;
// from one pass over all models, in fp64 and in little memory (compare/gram.h).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot::landscape {

// The scalar products of the task vectors, over some of the tensors.
class TaskGram {
 public:
  explicit TaskGram(std::size_t models = 0) : models_(models), products_(models * models) {}

  std::size_t models() const { return models_; }
  double product(std::size_t i, std::size_t j) const { return products_[i * models_ + j]; }
  double norm(std::size_t i) const;
  // In -1..1, and in degrees; NaN when a task vector is zero.
  double cosine(std::size_t i, std::size_t j) const;
  double angle(std::size_t i, std::size_t j) const;
  double relative_norm(std::size_t i) const;  // |tau_i| / |theta_0|; NaN when theta_0 is zero
  // |mean of theta_i - theta_0|: how far the uniform soup is from the start.
  double soup_norm() const;

  void add(std::size_t i, std::size_t j, double product) { products_[i * models_ + j] += product; }
  void add_base(double square) { base_square_ += square; }
  void add(const TaskGram& other);

 private:
  std::size_t models_;
  std::vector<double> products_;
  double base_square_ = 0;
};

struct TaskBlock {
  std::string name;  // checkpoint/name_block.h
  bool head = false;
  std::int64_t elements = 0;
  TaskGram gram;
};

struct TaskAngles {
  fs::path base;
  std::vector<fs::path> paths;
  std::vector<std::string> names;  // of the models: short, unique, printable
  std::vector<TaskBlock> blocks;   // in the order that people count them
  TaskGram whole;                  // all blocks
  std::int64_t elements = 0;
  std::vector<std::string> notes;  // what was left out; printable
};

struct AngleOptions {
  bool head = true;  // whether the classification head belongs to the task vectors
};

// Reads every model once. Two or more models of one architecture. A head that the base lacks or
// has for other classes is left out, with a note. Throws UsageError for fewer than two models,
// FormatError naming file and tensor: missing, of another shape, NaN or Inf.
TaskAngles task_angles(const std::vector<Checkpoint>& models, const Checkpoint& base,
                       const AngleOptions& options, Progress& progress);

// Of the angles between one model and the others, or between all pairs (degrees); NaN for none.
struct AngleSpread {
  double least = 0, median = 0, most = 0;
};
AngleSpread spread(const TaskGram& gram);
AngleSpread spread_of(const TaskGram& gram, std::size_t model);

// The mean of two models against the models themselves, on one set.
struct PairGain {
  std::size_t i = 0, j = 0;
  double angle = 0;           // degrees
  std::vector<double> gains;  // one a set: Acc(mean) - (Acc(i) + Acc(j)) / 2
};

struct GainStudy {
  std::vector<std::string> sets;
  std::vector<PairGain> pairs;
  std::size_t all_pairs = 0;          // of which `pairs` are a sample
  std::vector<double> rank, pearson;  // one a set: of the angle with the gain; NaN for too few
};
GainStudy study_gains(std::vector<std::string> sets, std::vector<PairGain> pairs,
                      std::size_t all_pairs);

// `count` of the k * (k - 1) / 2 pairs i < j, drawn without repetition by (seed, Purpose::subset);
// all of them, in order, when count is 0 or not smaller.
std::vector<std::pair<std::size_t, std::size_t>> model_pairs(std::size_t models, std::size_t count,
                                                             std::uint64_t seed);

// For a terminal of that many columns; `gains` may be null.
std::string angles_text(const TaskAngles& angles, const GainStudy* gains, std::size_t width);
// The document of docs/analyses.md.
Json to_json(const TaskAngles& angles, const GainStudy* gains);

}  // namespace stockpot::landscape
