// The mean of some of many models, over and over with one model more or less: a running sum in
// which nothing is lost (exact_sum.h), so that a step costs one reading of one model, and going
// back gives the bits that were there before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stockpot/merge/plan.h"
#include "stockpot/merge/run.h"
#include "stockpot/soup/exact_sum.h"
#include "stockpot/soup/request.h"

namespace stockpot {

// What a soup's tensors are made of, checked before any value is read: floating-point tensors are
// averaged number by number (BatchNorm's statistics too), integers must be equal in all models
// but for BatchNorm's counters, of which the largest is taken. The same as `stockpot average --bn
// average` does. Throws FormatError naming files and tensors: other names, shapes, heads, types
// that cannot be averaged. The models must outlive the plan.
MergePlan plan_soup(const std::vector<Checkpoint>& models, Container container);

class SoupMixer {
 public:
  // The plan must outlive the mixer. `base`, when given, is the model that all were fine-tuned
  // from: distances and angles are seen from there. Throws FormatError when it lacks a tensor.
  explicit SoupMixer(const MergePlan& plan, const Checkpoint* base = nullptr);
  ~SoupMixer();

  std::vector<OutputTensor> tensors() const;
  std::uint64_t bytes() const { return plan_.bytes_to_write(); }

  struct Mix {
    std::string hash;                  // content_hash() of the soup
    std::optional<Geometry> geometry;  // of the model that is added or removed
  };
  // Hands out the mean of request.members() in pieces, from several threads, as run_merge() does.
  // The bytes depend on the set of members only. Throws FormatError naming the model and tensor
  // for NaN, Inf and results that do not fit their type.
  Mix mix(const SoupRequest& request, const MergeSink& sink);
  // The same in memory.
  std::vector<OwnedTensor> mixed(const SoupRequest& request, Mix& mix);

  // Asks the kernel to read a model's files, and returns at once.
  void prefetch(std::size_t model) const;

  // Models read from their files so far, to add, to take out or to look at.
  std::int64_t reads() const { return reads_; }

 private:
  struct Block;
  void bring_to(const std::vector<std::size_t>& soup);
  void change(std::size_t model, int sign);
  // Of what the kernel mapped around the parts that were read.
  void let_go(std::size_t model) const;
  void fill(const Block& block, const SoupRequest& request, std::span<std::byte> bytes,
            std::span<double> products);
  void read(std::size_t tensor, std::size_t model, std::int64_t first, std::span<double> out) const;
  [[noreturn]] void refuse(std::size_t tensor, std::size_t model, double value) const;

  const MergePlan& plan_;
  std::vector<std::vector<const TensorView*>> views_;  // by tensor of the plan, by model
  std::vector<const TensorView*> base_;                // by tensor; empty without a base
  std::vector<Block> blocks_;
  std::vector<std::unique_ptr<ExactSum>> sums_;  // by tensor; null where nothing is averaged
  std::vector<std::size_t> soup_;                // what the sums hold, sorted
  std::int64_t reads_ = 0;
};

}  // namespace stockpot
