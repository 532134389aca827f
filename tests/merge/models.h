// Small models with hand-made or random values.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/random.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "tests/base/message_of.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {

// A folder of checkpoints, opened.
class Models {
 public:
  Checkpoint open(const std::vector<OwnedTensor>& tensors) {
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    const fs::path file = folder_.path() / ("model" + std::to_string(count_++) + ".safetensors");
    write_safetensors(file, views);
    return Checkpoint::open(file);
  }

  // One tensor "w".
  Checkpoint open(Dtype dtype, const std::vector<double>& values) {
    OwnedTensor tensor{"w", dtype, {static_cast<std::int64_t>(values.size())}, {}};
    tensor.bytes.resize(byte_count(dtype, tensor.shape[0]));
    write_values(values, dtype, tensor.bytes);
    return open({tensor});
  }

  // `count` models as fine-tuning makes them: shared weights and small differences, also
  // zeros and a counter that differs.
  std::vector<Checkpoint> fine_tuned(int count, Dtype dtype, std::int64_t elements = 10'000) {
    std::vector<double> shared;
    RandomStream random(1, Purpose::test);
    for (std::int64_t i = 0; i < elements; ++i) shared.push_back(random.normal());
    std::vector<Checkpoint> models;
    for (int model = 0; model < count; ++model) {
      std::vector<double> values = shared;
      RandomStream own(2, Purpose::test, 0, static_cast<std::uint64_t>(model));
      for (double& value : values) value = own.chance(0.01) ? 0 : value + 0.01 * own.normal();
      OwnedTensor matrix{"w", dtype, {elements}, {}}, steps{"steps", Dtype::i64, {}, {}};
      matrix.bytes.resize(byte_count(dtype, elements));
      write_values(values, dtype, matrix.bytes);
      steps.bytes.assign(8, std::byte(model + 1));
      const std::vector<float> bias(7, 1.0f / static_cast<float>(model + 1));
      models.push_back(open({matrix, steps, make_tensor("b", Dtype::f32, {7, 1}, bias)}));
    }
    return models;
  }

 private:
  TemporaryFolder folder_;
  int count_ = 0;
};

inline bool same_bytes(const std::vector<OwnedTensor>& a, const std::vector<OwnedTensor>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].name != b[i].name || a[i].dtype != b[i].dtype || a[i].shape != b[i].shape ||
        a[i].bytes != b[i].bytes)
      return false;
  return true;
}

inline std::vector<OwnedTensor> copied(const Checkpoint& model) {
  std::vector<OwnedTensor> tensors;
  for (const TensorView& tensor : model.tensors())
    tensors.push_back(
        {tensor.name, tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}});
  return tensors;
}

inline std::vector<double> values_of(const OwnedTensor& tensor) {
  std::vector<double> values(static_cast<std::size_t>(element_count(tensor.shape)));
  read_values(tensor.view(), values);
  return values;
}

}  // namespace stockpot
