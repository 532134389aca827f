#include "stockpot/eval/kept_pictures.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <span>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/model/input.h"

namespace stockpot {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{2} << 30;
constexpr std::int64_t kUploaded = 256;  // pictures at a time

at::Tensor on_device(std::span<const std::int64_t> numbers, at::Device device) {
  const at::Tensor host =
      at::from_blob(const_cast<std::int64_t*>(numbers.data()),
                    {static_cast<std::int64_t>(numbers.size())}, at::TensorOptions(at::kLong));
  return device.is_cpu() ? host.clone() : host.to(device);
}

}  // namespace

Inputs to_inputs(const Batch& batch, const Preprocessing& preprocessing, at::Device device) {
  return {to_input(batch.pixels, batch.size, batch.height, batch.width, preprocessing, device),
          on_device(batch.labels, device), batch.indices};
}

KeptPictures::KeptPictures(const ImageDataset& set, const Preprocessing& preprocessing,
                           at::Device device, int loader_threads)
    : set_(set), preprocessing_(preprocessing), device_(device) {
  const std::int64_t bytes = set.size() * preprocessing.crop_height * preprocessing.crop_width * 3;
  if (device.is_cuda() && bytes < kMostBytes) upload(loader_threads);
}

std::int64_t KeptPictures::batches(std::int64_t batch_size) const {
  return (set_.size() + batch_size - 1) / batch_size;
}

void KeptPictures::upload(int loader_threads) {
  pixels_ = at::empty({set_.size(), preprocessing_.crop_height, preprocessing_.crop_width, 3},
                      at::TensorOptions(device_).dtype(at::kByte));
  std::vector<std::int64_t> labels;
  BatchPlan plan;
  plan.batch_size = kUploaded;
  plan.loader_threads = loader_threads;
  BatchLoader loader(set_, preprocessing_, plan);
  while (const auto batch = loader.next()) {
    if (stop_requested()) throw Interrupted("stopped while preparing pictures");
    // from_blob takes a mutable pointer; the bytes are only copied.
    const at::Tensor bytes =
        at::from_blob(const_cast<std::uint8_t*>(batch->pixels.data()),
                      {batch->size, batch->height, batch->width, 3}, at::TensorOptions(at::kByte));
    pixels_.narrow(0, static_cast<std::int64_t>(labels.size()), batch->size).copy_(bytes);
    labels.insert(labels.end(), batch->labels.begin(), batch->labels.end());
  }
  labels_ = on_device(labels, device_);
}

void KeptPictures::walk(const BatchPlan& plan,
                        const std::function<void(const Inputs&)>& visit) const {
  if (pixels_.defined()) return walk_on_device(plan, visit);
  BatchLoader loader(set_, preprocessing_, plan);
  while (const auto batch = loader.next()) visit(to_inputs(*batch, preprocessing_, device_));
}

void KeptPictures::walk_on_device(const BatchPlan& plan,
                                  const std::function<void(const Inputs&)>& visit) const {
  const std::vector<std::int64_t> order = row_order(set_, plan);
  for (std::int64_t first = plan.first_batch * plan.batch_size; first < set_.size();
       first += plan.batch_size) {
    const std::int64_t count = std::min(plan.batch_size, set_.size() - first);
    Inputs inputs;
    inputs.rows.assign(order.begin() + first, order.begin() + first + count);
    const at::Tensor rows = on_device(inputs.rows, device_);
    inputs.images = normalised(pixels_.index_select(0, rows), preprocessing_);
    inputs.labels = labels_.index_select(0, rows);
    visit(inputs);
  }
}

}  // namespace stockpot
