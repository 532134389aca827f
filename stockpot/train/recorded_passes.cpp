#include "stockpot/train/recorded_passes.h"

#include <c10/core/GradMode.h>

namespace stockpot {
namespace {

// Of tensors that may be undefined, together.
void copy_into(const at::Tensor& to, const at::Tensor& from) {
  if (to.defined()) to.copy_(from);
}

at::Tensor own_copy(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.clone() : at::Tensor();
}

void copy_into(const TrainingBatch& to, const TrainingBatch& from) {
  copy_into(to.images, from.images);
  copy_into(to.labels, from.labels);
  copy_into(to.partners, from.partners);
  copy_into(to.shares.own, from.shares.own);
  copy_into(to.shares.other, from.shares.other);
}

TrainingBatch own_copy(const TrainingBatch& batch) {
  TrainingBatch copy = batch;
  copy.images = own_copy(batch.images);
  copy.labels = own_copy(batch.labels);
  copy.partners = own_copy(batch.partners);
  copy.shares = {own_copy(batch.shares.own), own_copy(batch.shares.other)};
  return copy;
}

}  // namespace

BatchResult RecordedPasses::run(const TrainingBatch& batch, const Pass& pass) {
  Kind& kind = kinds_[{batch.size(), batch.whole, batch.partners.defined()}];
  // The libraries behind the operators set themselves up in the first pass.
  if (!std::exchange(kind.seen, true) || kind.unfit) return pass(batch);
  if (kind.graph)
    copy_into(kind.batch, batch);
  else
    record(kind, batch, pass);
  if (kind.unfit) return pass(batch);
  kind.graph->start();
  const c10::NoGradGuard no_grad;
  return {kind.result.loss.clone(), kind.result.correct.clone()};
}

void RecordedPasses::forget() {
  kinds_.clear();
  // LibTorch does not take the memory of recordings that are all gone for new ones.
  memory_ = DeviceGraph::new_memory();
}

void RecordedPasses::record(Kind& kind, const TrainingBatch& batch, const Pass& pass) {
  kind.batch = own_copy(batch);
  kind.graph = std::make_unique<DeviceGraph>(memory_);
  kind.unfit = !kind.graph->record([&] { kind.result = pass(kind.batch); });
  if (!kind.unfit) return;
  kind = {.seen = true, .unfit = true, .batch = {}, .result = {}, .graph = {}};
  memory_ = DeviceGraph::new_memory();  // as in forget(): it may have been the only one
}

}  // namespace stockpot
