#include "stockpot/eval/batch_statistics.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/data/batch.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/input.h"
#include "stockpot/model/network.h"

namespace stockpot {
namespace {

// The running statistics of a model as they are changed by one batch after the other.
class Statistics {
 public:
  explicit Statistics(const Classifier& model) {
    for (const auto& [name, buffer] : model.buffers()) {
      buffer.zero_();  // counters too
      if (!buffer.is_floating_point()) continue;
      running_.push_back(buffer);
      sums_.push_back(at::zeros_like(buffer, buffer.options().dtype(at::kDouble)));
    }
  }

  // From zero, a batch leaves momentum * its own statistics: these are taken, and zero is back.
  void take() {
    for (std::size_t i = 0; i < running_.size(); ++i) {
      sums_[i].add_(running_[i]);
      running_[i].zero_();
    }
    ++batches_;
  }

  void write() {
    for (std::size_t i = 0; i < running_.size(); ++i)
      running_[i].copy_(sums_[i].div(kBatchNormMomentum * static_cast<double>(batches_)));
  }

 private:
  std::vector<at::Tensor> running_, sums_;
  std::int64_t batches_ = 0;
};

}  // namespace

void recompute_batch_statistics(Classifier& model, const ImageDataset& pictures,
                                const EvalOptions& options) {
  if (!model.has_batchnorm()) return;
  if (pictures.size() == 0)
    throw UsageError("BatchNorm's statistics need pictures, the set holds none");
  const at::NoGradGuard no_grad;
  const Preprocessing& preprocessing = model.folder().preprocessing;
  BatchLoader loader(pictures, preprocessing, plan_of(options, model.device()));
  Statistics statistics(model);
  model.train(BatchNorm::live);
  std::int64_t done = 0;
  while (const auto batch = loader.next()) {
    if (stop_requested()) throw Interrupted("stopped while measuring BatchNorm's statistics");
    const at::Tensor images = to_input(batch->pixels, batch->size, batch->height, batch->width,
                                       preprocessing, model.device());
    {
      const Autocast autocast(model.device(), options.bf16);
      model.features(images);
    }
    statistics.take();
    done += batch->size;
    if (options.on_batch) options.on_batch(done, pictures.size());
  }
  statistics.write();
  model.evaluate();
}

}  // namespace stockpot
