#include "stockpot/train/training_batch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>

#include "stockpot/model/input.h"

namespace stockpot {
namespace {

at::Tensor labels_of(const Batch& batch, at::Device device) {
  const at::Tensor labels = at::from_blob(const_cast<std::int64_t*>(batch.labels.data()),
                                          {batch.size}, at::TensorOptions(at::kLong));
  if (device.is_cpu()) return labels.clone();
  // As the images: a copy that waits would have the processor wait for all steps before.
  return labels.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace

at::Tensor mix(const at::Tensor& images, const Mixing& mixing) {
  const at::Tensor partners = images.flip({0});
  if (!mixing.cutmix) return images * mixing.lambda + partners.mul_(1 - mixing.lambda);
  const auto box = [&](const at::Tensor& x) {
    return x.narrow(2, mixing.top, mixing.height).narrow(3, mixing.left, mixing.width);
  };
  const at::Tensor mixed = images.clone();
  box(mixed).copy_(box(partners));
  return mixed;
}

TrainingBatch to_training_batch(const Batch& batch, const Mixing& mixing, const Classifier& model) {
  TrainingBatch result;
  result.positions = batch.positions;
  result.whole = batch.whole;
  result.labels = labels_of(batch, model.device());
  if (batch.size == 0) return result;
  result.images = to_input(batch.pixels, batch.size, batch.height, batch.width,
                           model.folder().preprocessing, model.device());
  if (mixing.lambda == 1) return result;
  result.images = mix(result.images, mixing);
  result.partners = result.labels.flip({0});
  const at::TensorOptions scalar = result.images.options();
  result.shares = {at::full({}, mixing.lambda, scalar), at::full({}, 1 - mixing.lambda, scalar)};
  return result;
}

TrainingBatch TrainingBatch::rows(std::int64_t begin, std::int64_t end) const {
  TrainingBatch some = *this;
  some.images = images.slice(0, begin, end);
  some.labels = labels.slice(0, begin, end);
  if (partners.defined()) some.partners = partners.slice(0, begin, end);
  return some;
}

Loss TrainingBatch::loss(const at::Tensor& logits, double smoothing) const {
  return partners.defined() ? mixed_softmax_loss(logits, labels, partners, shares, smoothing)
                            : softmax_loss(logits, labels, smoothing);
}

}  // namespace stockpot
