#include "support.h"

#include <ATen/ops/empty.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "stockpot/model/tensor_io.h"

namespace stockpot::test {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "stockpot-model-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path fixture(const std::string& name) {
  return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/model" / name;
}

Classifier load(const fs::path& folder) { return Classifier::load(ModelFolder::open(folder)); }

at::Tensor floats(const TensorView& view) {
  at::Tensor values = at::empty(view.shape, at::kFloat);
  copy_values(view, values);
  return values;
}

at::Tensor longs(const TensorView& view) {
  at::Tensor values = at::empty(view.shape, at::kLong);
  copy_values(view, values);
  return values;
}

at::Tensor fixture_images(const SafetensorsFile& reference) {
  return floats(find(reference, "images")).sub(128).div(64);
}

const TensorView& find(const SafetensorsFile& file, const std::string& name) {
  const TensorView* view = file.find(name);
  if (view == nullptr) throw std::out_of_range("no tensor " + name);
  return *view;
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.detach().sub(b.detach()).abs().max().item<double>();
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  return x.nbytes() == y.nbytes() && x.sizes() == y.sizes() &&
         std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0;
}

const Parameter& parameter(const Classifier& model, const std::string& name) {
  for (const Parameter& candidate : model.parameters())
    if (candidate.name == name) return candidate;
  throw std::out_of_range("no parameter " + name);
}

const OwnedTensor& find(const std::vector<OwnedTensor>& state, const std::string& name) {
  for (const OwnedTensor& tensor : state)
    if (tensor.name == name) return tensor;
  throw std::out_of_range("no tensor " + name);
}

}  // namespace stockpot::test
