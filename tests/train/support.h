// Fixtures of the tests of the train room.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "stockpot/data/dataset.h"
#include "stockpot/model/classifier.h"

namespace stockpot::test {

inline fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures"; }

// tests/fixtures/model/<name>: five classes, tiny.
inline Classifier load_model(const std::string& name) {
  return Classifier::load(ModelFolder::open(fixtures() / "model" / name));
}

// Four pictures of each of the five classes.
inline ImageDataset load_images() {
  DataSpec spec;
  SourceSpec source;
  source.path = fixtures() / "train" / "images";
  spec.sources.push_back(source);
  return ImageDataset::load(spec, LoadOptions{});
}

// Every bit of every tensor of the model.
inline std::string bits(const Classifier& model) {
  std::string all;
  for (const OwnedTensor& tensor : model.state())
    all.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return all;
}

inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  return x.sizes() == y.sizes() && std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.detach().sub(b.detach()).abs().max().item<double>();
}

}  // namespace stockpot::test
