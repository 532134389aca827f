#include "stockpot/train/snapshot.h"

namespace stockpot {

std::span<std::byte> Snapshot::add(std::string name, Dtype dtype, Shape shape) {
  if (used_ == tensors_.size()) tensors_.emplace_back();
  OwnedTensor& tensor = tensors_[used_++];
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.bytes.resize(byte_count(dtype, element_count(tensor.shape)));
  return tensor.bytes;
}

std::vector<TensorView> Snapshot::views() const {
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < used_; ++i) views.push_back(tensors_[i].view());
  return views;
}

}  // namespace stockpot
