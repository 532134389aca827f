// Passes over batches, each kind of them recorded on the device the second time it comes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "stockpot/model/compat.h"
#include "stockpot/train/training_batch.h"

namespace stockpot {

struct BatchResult {
  at::Tensor loss;     // the mean over the rows of all ranks, without penalties
  at::Tensor correct;  // of these rows, as trained
};

// On a CUDA device a small model's pass is hundreds of short kernels: recorded as one graph they
// take one launch. The bits are those of the pass itself.
class RecordedPasses {
 public:
  // What runs, on a batch at any address. Always the same but for the batch: the weights stay where
  // they are, nothing is drawn at random and nothing is read back.
  using Pass = std::function<BatchResult(const TrainingBatch& batch)>;

  RecordedPasses() : memory_(DeviceGraph::new_memory()) {}

  // The result of pass(batch). The batch has all rows, at least one.
  BatchResult run(const TrainingBatch& batch, const Pass& pass);
  // The next passes do something else.
  void forget();

 private:
  struct Kind {
    bool seen = false, unfit = false;
    TrainingBatch batch;  // where the recording reads
    BatchResult result;   // and writes
    std::unique_ptr<DeviceGraph> graph;
  };

  void record(Kind& kind, const TrainingBatch& batch, const Pass& pass);

  std::shared_ptr<DeviceGraph::Memory> memory_;
  // By rows here, of the whole batch, and whether they are mixed.
  std::map<std::tuple<std::int64_t, std::int64_t, bool>, Kind> kinds_;
};

}  // namespace stockpot
