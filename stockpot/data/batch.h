// Batches of network inputs, prepared ahead on background threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "stockpot/data/dataset.h"

namespace stockpot {

struct Batch {
  std::int64_t size = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // size x height x width x 3
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> indices;  // rows of the set
  // With BatchPlan::part: the rows of the whole batch, and where in it those that are here stand.
  std::int64_t whole = 0;
  std::vector<std::int64_t> positions;  // empty without a part
};

struct BatchPlan {
  std::int64_t batch_size = 64;
  bool shuffle = false;                      // by (seed, Purpose::shuffle, epoch)
  bool drop_last = false;                    // leave out a last batch that is not full
  std::optional<Augmentation> augmentation;  // by (seed, Purpose::augment, epoch, row)
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
  std::int64_t first_batch = 0;  // where the walk starts: the batches before it are not made
  int loader_threads = 1;        // 0: prepared by the caller's thread
  // Which positions of a batch of so many rows are made here, when other processes make the
  // others; unset: all. May leave none.
  std::function<std::vector<std::int64_t>(std::int64_t rows)> part = {};
};

// The rows of the batches of a plan: batch k has those from k * batch_size on.
std::vector<std::int64_t> row_order(const ImageDataset& set, const BatchPlan& plan);

// Walks over a set once. Evaluation views (no augmentation) of one preprocessing are made
// once per set and kept by `views`. The batches do not depend on loader_threads.
class BatchLoader {
 public:
  BatchLoader(const ImageDataset& set, const Preprocessing& preprocessing, BatchPlan plan);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;

  // The next batch, or nothing at the end. Rethrows errors of decoding.
  std::optional<Batch> next();
  std::int64_t batches() const;  // of the whole walk, also those before first_batch

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
