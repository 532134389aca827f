// Small model folders for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/architecture.h"
#include "tests/checkpoint/files.h"

namespace stockpot {

// A ViT of 2 layers x 8 on 16 x 16 images, three classes.
inline Json small_vit() {
  return Json::parse(R"({
    "architectures": ["ViTForImageClassification"], "hidden_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 16, "image_size": 16, "patch_size": 8,
    "id2label": {"0": "cat", "1": "dog", "2": "emu"},
    "label2id": {"cat": 0, "dog": 1, "emu": 2}, "model_type": "vit", "torch_dtype": "float16",
    "problem_type": "single_label_classification"})",
                     "small_vit");
}

inline Json small_preprocessor() {
  return Json::parse(R"({"do_normalize": true, "size": {"height": 16, "width": 16},
    "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 1]})",
                     "small_preprocessor");
}

// A timm resnet18 with widths 4, 8, 8, 8.
inline Json small_resnet() {
  return Json::parse(R"({
    "architecture": "resnet18", "num_classes": 2, "num_features": 8, "global_pool": "avg",
    "label_names": ["no", "yes"], "model_args": {"channels": [4, 8, 8, 8]},
    "pretrained_cfg": {"input_size": [3, 64, 64], "crop_pct": 0.875, "crop_mode": "center",
      "interpolation": "bicubic", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6],
      "num_classes": 2, "first_conv": "conv1", "classifier": "fc", "tag": "kept"}})",
                     "small_resnet");
}

// The same as timm wrote it before there was pretrained_cfg.
inline Json flat_resnet() {
  const Json later_form = small_resnet();
  Json config = later_form;
  for (const auto& [key, value] : later_form.find("pretrained_cfg")->members())
    config.set(key, value);
  config.set("labels", *later_form.find("label_names"));
  for (const char* later : {"pretrained_cfg", "label_names", "global_pool"})
    config.set(later, nullptr);
  return config;
}

// All tensors of the architecture, each filled with `value`.
inline std::vector<OwnedTensor> filled_tensors(const ModelFolder& model, std::int64_t classes,
                                               float value, Dtype dtype = Dtype::f32) {
  std::vector<OwnedTensor> tensors;
  for (const ExpectedTensor& spec : expected_tensors(model, classes)) {
    if (spec.counter) {
      tensors.push_back({spec.name, Dtype::i64, {}, std::vector<std::byte>(8)});
    } else {
      const std::vector<float> values(static_cast<std::size_t>(element_count(spec.shape)), value);
      tensors.push_back(make_tensor(spec.name, dtype, spec.shape, values));
    }
  }
  return tensors;
}

inline std::vector<TensorView> views(const std::vector<OwnedTensor>& tensors) {
  std::vector<TensorView> list;
  for (const OwnedTensor& tensor : tensors) list.push_back(tensor.view());
  return list;
}

// A temporary folder with this config; a preprocessor is written for ViTs.
class SmallFolder {
 public:
  explicit SmallFolder(const Json& config, const Json& preprocessor = small_preprocessor()) {
    folder_.put("config.json", config.dump(2));
    if (config.find("model_type") != nullptr)
      folder_.put("preprocessor_config.json", preprocessor.dump());
  }
  const fs::path& path() const { return folder_.path(); }
  const TemporaryFolder& files() const { return folder_; }
  ModelFolder open() const { return ModelFolder::open(path()); }
  void write_weights(std::int64_t classes, float value = 0) const {
    const auto tensors = filled_tensors(open(), classes, value);
    write_safetensors(path() / "model.safetensors", views(tensors));
  }
  std::string refusal() const {
    return message_of<FormatError>([&] { open(); });
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace stockpot
