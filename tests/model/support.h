// Fixtures and small helpers of the tests of the model room.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>

#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/model/classifier.h"

namespace stockpot::test {

// A folder that is removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

// tests/fixtures/model/<name>.
fs::path fixture(const std::string& name);
Classifier load(const fs::path& folder);
// The tensor as float32, row-major.
at::Tensor floats(const TensorView& view);
at::Tensor longs(const TensorView& view);
// What the network takes from the images of a fixture.
at::Tensor fixture_images(const SafetensorsFile& reference);
const TensorView& find(const SafetensorsFile& file, const std::string& name);
double largest_difference(const at::Tensor& a, const at::Tensor& b);
bool same_bits(const at::Tensor& a, const at::Tensor& b);
const Parameter& parameter(const Classifier& model, const std::string& name);
// The tensor of that name in a state.
const OwnedTensor& find(const std::vector<OwnedTensor>& state, const std::string& name);

}  // namespace stockpot::test
