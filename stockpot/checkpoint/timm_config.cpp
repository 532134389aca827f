#include <algorithm>
#include <cmath>

#include "stockpot/checkpoint/config_formats.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

struct ResNetRow {
  std::string_view name;
  bool bottleneck;
  std::array<std::int64_t, 4> depths;
};

constexpr ResNetRow kResNets[] = {
    {"resnet18", false, {2, 2, 2, 2}},  {"resnet34", false, {3, 4, 6, 3}},
    {"resnet50", true, {3, 4, 6, 3}},   {"resnet101", true, {3, 4, 23, 3}},
    {"resnet152", true, {3, 8, 36, 3}},
};

void check_pool(const ConfigReader& config) {
  if (const std::string pool = config.string("global_pool", "avg"); pool != "avg")
    config.fail("global_pool", "is " + in_quotes(pool) + "; known: avg");
}

// Arguments of timm's constructor that are not read would change the network unseen. Newer timms
// write those of channels, classes and pooling with every model.
void check_arguments(const ConfigReader& arguments) {
  constexpr std::string_view kKnown[] = {"channels", "num_classes", "in_chans", "global_pool"};
  for (const auto& [key, value] : arguments.object().members())
    if (std::ranges::find(kKnown, key) == std::end(kKnown) && !value.is_null())
      arguments.fail(printable(key),
                     "is not supported; known: channels, num_classes, in_chans, global_pool");
  arguments.integer("in_chans", 3, 3, 3);
  check_pool(arguments);
}

ResNetConfig read_resnet(const ConfigReader& config) {
  std::string name = config.string("architecture", "");
  name = name.substr(0, name.find('.'));  // "resnet50.a1_in1k": the tag names the weights
  ResNetConfig resnet;
  bool known = false;
  for (const ResNetRow& row : kResNets) {
    if (row.name != name) continue;
    known = true;
    resnet.architecture = name;
    resnet.bottleneck = row.bottleneck;
    resnet.depths = row.depths;
  }
  if (!known)
    config.fail("architecture", "is " + in_quotes(name) +
                                    ", which is not supported; known: resnet18, resnet34, "
                                    "resnet50, resnet101, resnet152 (timm), vit (transformers)");
  const ConfigReader arguments = config.child("model_args");
  check_arguments(arguments);
  if (arguments.has("channels")) {
    const auto channels = arguments.integers("channels", 4, 1, 8192);
    std::copy(channels.begin(), channels.end(), resnet.channels.begin());
  }
  return resnet;
}

Interpolation interpolation(const ConfigReader& data) {
  constexpr std::pair<std::string_view, Interpolation> kNames[] = {
      {"nearest", Interpolation::nearest}, {"bilinear", Interpolation::bilinear},
      {"bicubic", Interpolation::bicubic}, {"lanczos", Interpolation::lanczos},
      {"box", Interpolation::box},         {"hamming", Interpolation::hamming},
  };
  const std::string wanted = data.string("interpolation", "bicubic");
  for (const auto& [name, value] : kNames)
    if (name == wanted) return value;
  data.fail("interpolation", "is " + in_quotes(wanted) +
                                 "; known: nearest, bilinear, bicubic, lanczos, box, hamming");
}

// timm's evaluation transform for crop_mode "center": the shortest edge becomes
// floor(size / crop_pct), then a centre crop. Absent keys take timm's defaults.
Preprocessing read_preprocessing(const ConfigReader& data) {
  std::vector<std::int64_t> size{3, 224, 224};
  if (data.has("input_size")) size = data.integers("input_size", 3, 1, 8192);
  if (size[0] != 3) data.fail("input_size", "must begin with 3 (RGB)");
  if (size[1] != size[2]) data.fail("input_size", "must be square");
  if (const std::string mode = data.string("crop_mode", "center"); mode != "center")
    data.fail("crop_mode", "is " + in_quotes(mode) + "; known: center");
  const double part = data.number("crop_pct", 0.875, 0.1, 1);
  Preprocessing result;
  result.resize_height = static_cast<std::int64_t>(std::floor(static_cast<double>(size[1]) / part));
  result.resize_width = result.resize_height;
  result.crop_height = result.crop_width = size[1];
  result.interpolation = interpolation(data);
  result.mean = data.colour("mean", result.mean, -1e6);
  result.std = data.colour("std", result.std, 1e-6);
  return result;
}

// Before pretrained_cfg, its keys stood beside the architecture, and label_names was labels.
bool is_flat(const ConfigReader& config) { return !config.has("pretrained_cfg"); }

std::vector<std::string> read_labels(const ConfigReader& config, const ConfigReader& data) {
  const std::int64_t classes = config.integer(
      "num_classes", data.integer("num_classes", 1000, 0, kMostClasses), 0, kMostClasses);
  const ConfigReader arguments = config.child("model_args");
  if (const auto built = arguments.integer("num_classes", classes, 0, kMostClasses);
      built != classes)
    arguments.fail("num_classes", "is " + std::to_string(built) + ", but num_classes is " +
                                      std::to_string(classes));
  const char* key = is_flat(config) && config.has("labels") ? "labels" : "label_names";
  if (!config.has(key)) return numbered_labels(classes);
  std::vector<std::string> labels = config.strings(key);
  if (static_cast<std::int64_t>(labels.size()) != classes)
    config.fail(key, "has " + std::to_string(labels.size()) + " names, but num_classes is " +
                         std::to_string(classes));
  return labels;
}

}  // namespace

std::string resnet_name(bool bottleneck, const std::array<std::int64_t, 4>& depths) {
  for (const ResNetRow& row : kResNets)
    if (row.bottleneck == bottleneck && row.depths == depths) return std::string(row.name);
  return "";
}

void read_timm(ModelFolder& folder) {
  const fs::path file = folder.path / kConfigFile;
  const ConfigReader config(folder.config, file);
  const ConfigReader data = is_flat(config) ? config : config.child("pretrained_cfg");
  const ResNetConfig resnet = read_resnet(config);
  folder.library = "timm";
  folder.architecture = resnet;
  folder.feature_size = resnet.channels[3] * (resnet.bottleneck ? 4 : 1);
  if (config.integer("num_features", folder.feature_size, 1, 1 << 20) != folder.feature_size)
    config.fail("num_features", "is not " + std::to_string(folder.feature_size) + ", as " +
                                    resnet.architecture + " with these channels has");
  check_pool(config);
  if (const std::string head = data.string("classifier", "fc"); head != "fc")
    data.fail("classifier", "is " + in_quotes(head) + "; expected fc");
  folder.labels = read_labels(config, data);
  folder.backbone_only = folder.labels.empty();
  folder.preprocessing = read_preprocessing(data);
  folder.head_weight = "fc.weight";
  folder.head_bias = "fc.bias";
}

}  // namespace stockpot
