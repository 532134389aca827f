// Model folders near one of the fixtures, as fine-tuning would make them.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/random.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/data/dataset.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {

inline std::filesystem::path test_fixtures() {
  return std::filesystem::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures";
}

inline ImageDataset fixture_pictures() {
  DataSpec spec;
  spec.sources.emplace_back().path = test_fixtures() / "train/images";
  return ImageDataset::load(spec, LoadOptions{});
}

// m0, m1, ...: weights and running means with 10 % noise, running variances larger, counters 7 +
// i; float32, whatever the fixture has.
class NearModels {
 public:
  explicit NearModels(int count, const std::string& fixture = "resnet18") {
    for (int i = 0; i < count; ++i) write(i, test_fixtures() / "model" / fixture);
  }

  const std::vector<std::filesystem::path>& folders() const { return folders_; }
  std::vector<Checkpoint> open() const {
    std::vector<Checkpoint> models;
    for (const auto& folder : folders_) models.push_back(Checkpoint::open(folder));
    return models;
  }

 private:
  void write(int index, const std::filesystem::path& fixture) {
    folders_.push_back(place_.path() / ("m" + std::to_string(index)));
    std::filesystem::copy(fixture, folders_.back(), std::filesystem::copy_options::recursive);
    std::filesystem::remove(folders_.back() / "reference.safetensors");
    const Checkpoint model = Checkpoint::open(fixture / "model.safetensors");
    RandomStream random(static_cast<std::uint64_t>(index), Purpose::test);
    std::vector<OwnedTensor> tensors;
    for (const TensorView& tensor : model.tensors()) {
      if (!row(tensor.dtype).floating) {
        OwnedTensor counter{tensor.name, tensor.dtype, tensor.shape, {}};
        counter.bytes.assign(tensor.bytes.begin(), tensor.bytes.end());
        counter.bytes[0] = static_cast<std::byte>(7 + index);
        tensors.push_back(std::move(counter));
        continue;
      }
      std::vector<float> values = float_values(tensor);
      const bool variance = is_running_variance(tensor.name);
      for (float& value : values)
        value *=
            static_cast<float>(variance ? 1 + 0.2 * random.uniform() : 1 + 0.1 * random.normal());
      tensors.push_back(make_tensor(tensor.name, Dtype::f32, tensor.shape, values));
    }
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    write_safetensors(folders_.back() / "model.safetensors", views);
  }

  TemporaryFolder place_;
  std::vector<std::filesystem::path> folders_;
};

}  // namespace stockpot
