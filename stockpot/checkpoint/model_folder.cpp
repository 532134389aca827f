#include "stockpot/checkpoint/model_folder.h"

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/architecture.h"
#include "stockpot/checkpoint/bare_weights.h"
#include "stockpot/checkpoint/config_formats.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

constexpr const char* kSideKey = "stockpot_side_network";

}  // namespace

ModelFolder ModelFolder::open(const fs::path& path) {
  ModelFolder folder;
  folder.path = path;
  std::error_code ignored;
  if (!fs::exists(path / kConfigFile, ignored)) {
    folder.config = config_of_weights(path);
    read_timm(folder);
    return folder;
  }
  const fs::path file = path / kConfigFile;
  folder.config = Json::read(file);
  const ConfigReader config(folder.config, file);
  if (config.has("model_type"))
    read_transformers(folder);
  else if (config.has("architecture"))
    read_timm(folder);
  else
    throw FormatError(file,
                      "neither 'model_type' (transformers) nor 'architecture' (timm) is there; "
                      "known: vit (transformers), resnet18, 34, 50, 101, 152 (timm)");
  if (const Json* side = folder.config.find(kSideKey)) {
    if (!side->is_bool())
      throw FormatError(file, std::string(kSideKey) + " should be true or false");
    folder.side_network = side->as_bool();
  }
  return folder;
}

void require_same_labels(const ModelFolder& first, const ModelFolder& other) {
  if (other.labels != first.labels)
    throw FormatError(other.path, "its class names or their order differ from those of " +
                                      first.path.string() +
                                      "; models of other classes cannot be averaged");
}

Checkpoint open_weights(const ModelFolder& model) {
  Checkpoint weights = Checkpoint::open(model.path);
  if (model.library == "transformers" && model.backbone_only) weights.add_prefix("vit.");
  const auto classes =
      model.backbone_only ? std::int64_t{0} : static_cast<std::int64_t>(model.labels.size());
  const auto ignored = check_tensors(weights.tensors(), model, classes, model.path);
  if (!ignored.empty())
    weights.add_note(std::to_string(ignored.size()) +
                     " tensors are not used by the classifier: " + some_of(ignored));
  if (const auto assumed = assumed_of(model)) weights.add_note(*assumed);
  return weights;
}

namespace {

std::string_view torch_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::f16:
      return "float16";
    case Dtype::bf16:
      return "bfloat16";
    case Dtype::f64:
      return "float64";
    default:
      return "float32";
  }
}

void set_classes(Json& config, const std::vector<std::string>& labels) {
  Json id2label = Json::object(), label2id = Json::object();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    id2label.set(std::to_string(i), labels[i]);
    label2id.set(labels[i], static_cast<std::int64_t>(i));
  }
  config.set("id2label", std::move(id2label));
  config.set("label2id", std::move(label2id));
  if (config.find("num_labels") != nullptr)
    config.set("num_labels", static_cast<std::int64_t>(labels.size()));
}

Json transformers_config(const ModelFolder& source, const std::vector<std::string>& labels,
                         Dtype dtype) {
  Json config = source.config;
  if (source.backbone_only && !labels.empty()) {
    Json architectures = Json::array();
    architectures.push("ViTForImageClassification");
    config.set("architectures", std::move(architectures));
  }
  if (!labels.empty()) set_classes(config, labels);
  // Before version 5 the key was torch_dtype.
  const bool old = config.find("torch_dtype") != nullptr && config.find("dtype") == nullptr;
  config.set(old ? "torch_dtype" : "dtype", torch_name(dtype));
  return config;
}

// Of a config from before there was this object, the keys that belong there.
Json pretrained_cfg(const Json& config) {
  const Json* given = config.find("pretrained_cfg");
  if (given != nullptr && !given->is_null()) return *given;
  Json data;
  for (const char* key : {"input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std",
                          "pool_size", "first_conv", "classifier"})
    if (const Json* value = config.find(key); value != nullptr) data.set(key, *value);
  return data;
}

Json timm_config(const Json& source, const std::vector<std::string>& labels) {
  Json names = Json::array();
  for (const std::string& label : labels) names.push(label);
  const auto classes = static_cast<std::int64_t>(labels.size());
  Json config = source;
  config.set("num_classes", classes);
  config.set("label_names", std::move(names));
  if (config.find("labels") != nullptr) config.set("labels", nullptr);  // of the old classes
  Json data = pretrained_cfg(source);
  data.set("num_classes", classes);
  config.set("pretrained_cfg", std::move(data));
  if (const Json* arguments = config.find("model_args");
      arguments != nullptr && arguments->find("num_classes") != nullptr) {
    Json built = *arguments;
    built.set("num_classes", classes);
    config.set("model_args", std::move(built));
  }
  return config;
}

}  // namespace

void write_model_folder(const fs::path& folder, const ModelFolder& source,
                        std::span<const TensorView> tensors,
                        const std::vector<std::string>& labels) {
  check_tensors(tensors, source, static_cast<std::int64_t>(labels.size()), folder);
  const auto head = std::find_if(tensors.begin(), tensors.end(), [&](const TensorView& tensor) {
    return tensor.name == source.head_weight;
  });
  const Dtype dtype = head == tensors.end() ? tensors.front().dtype : head->dtype;
  Json config = source.library == "timm" ? timm_config(source.config, labels)
                                         : transformers_config(source, labels, dtype);
  if (source.side_network) config.set(kSideKey, true);
  write_file(folder / kConfigFile, config.dump(2) + "\n");
  std::error_code ignored;
  for (const std::string_view name : {kPreprocessorFile, kProcessorFile})
    if (fs::exists(source.path / name, ignored))
      write_file(folder / name, read_file(source.path / name));
  write_safetensors(folder / "model.safetensors", tensors);
}

}  // namespace stockpot
