// Model folders near one of tests/fixtures/model, as tests/fixtures/learned/make.py makes them.
#pragma once

#include <string>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/data/dataset.h"
#include "stockpot/learned/mixed_model.h"
#include "stockpot/merge/plan.h"
#include "tests/base/temporary_folder.h"

namespace stockpot::test {

inline fs::path fixtures() { return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures"; }

class NearModels {
 public:
  explicit NearModels(const std::string& name, int count = 3) {
    for (int model = 0; model < count; ++model) {
      const fs::path folder = folder_.path() / ("m" + std::to_string(model));
      fs::copy(fixtures() / "model" / name, folder);
      rewrite(folder / "model.safetensors", model);
      folders.push_back(ModelFolder::open(folder));
      checkpoints.push_back(Checkpoint::open(folder));
    }
    plan = planned(BatchNormPolicy::mixed);
  }

  MergePlan planned(BatchNormPolicy policy) const {
    MergeOptions options;
    options.batchnorm = policy;
    return plan_merge(checkpoints, nullptr, false, options);
  }

  // Four pictures of each of five classes, which are the models'.
  HeldOut pictures() const {
    DataSpec spec;
    SourceSpec source;
    source.path = fixtures() / "train" / "images";
    spec.sources.push_back(source);
    return {ImageDataset::load(spec, {.classes = folders.front().labels})};
  }

  fs::path operator/(const std::string& name) const { return folder_.path() / name; }

  std::vector<ModelFolder> folders;
  std::vector<Checkpoint> checkpoints;
  MergePlan plan;

 private:
  static void rewrite(const fs::path& file, int model) {
    std::vector<OwnedTensor> tensors;
    {
      const SafetensorsFile source(file);
      for (const TensorView& view : source.tensors()) {
        if (!row(view.dtype).floating) {
          tensors.push_back(
              {view.name, view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}});
          continue;
        }
        std::vector<float> values = float_values(view);
        for (std::size_t i = 0; i < values.size(); ++i) {
          const std::size_t number =
              (37 * i + 101 * static_cast<std::size_t>(model) + 13 * view.name.size()) % 97;
          const double noise = static_cast<double>(number) / 97 - 0.5;
          values[i] = static_cast<float>(static_cast<double>(values[i]) * (1 + noise / 4));
        }
        tensors.push_back(make_tensor(view.name, Dtype::f32, view.shape, values));
      }
    }
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    fs::remove(file);
    write_safetensors(file, views);
  }

  TemporaryFolder folder_;
};

}  // namespace stockpot::test
