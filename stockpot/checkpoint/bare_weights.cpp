#include "stockpot/checkpoint/bare_weights.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/config_formats.h"

namespace stockpot {
namespace {

// 0 where there is no such tensor, or of another rank.
std::int64_t rows_of(const Checkpoint& weights, const std::string& name, std::size_t rank) {
  const TensorView* const tensor = weights.find(name);
  return tensor != nullptr && tensor->shape.size() == rank ? tensor->shape[0] : 0;
}

std::string block_name(std::size_t stage, std::int64_t block) {
  return "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
}

// nullopt when the tensors are not those of a ResNet that timm has a name for.
std::optional<ResNetConfig> resnet_of(const Checkpoint& weights) {
  ResNetConfig resnet;
  const auto rows = [&](const std::string& name) { return rows_of(weights, name, 4); };
  resnet.bottleneck = rows("layer1.0.conv3.weight") > 0;
  for (std::size_t stage = 0; stage < 4; ++stage) {
    std::int64_t& depth = resnet.depths[stage];
    for (depth = 0; rows(block_name(stage, depth) + "conv1.weight") > 0;) ++depth;
    const std::string first = block_name(stage, 0);
    resnet.channels[stage] = rows(first + "conv2.weight");
    if (resnet.channels[stage] == 0) return std::nullopt;
    // Wide ones and ResNeXts have more channels inside a block than its width says.
    if (resnet.bottleneck && rows(first + "conv3.weight") != 4 * resnet.channels[stage])
      return std::nullopt;
  }
  resnet.architecture = resnet_name(resnet.bottleneck, resnet.depths);
  if (resnet.architecture.empty() || rows("conv1.weight") != resnet.stem_channels)
    return std::nullopt;
  return resnet;
}

Json prepared_as_by_torchvision(std::int64_t classes) {
  return Json::object({{"input_size", Json::Array{3, 224, 224}},
                       {"interpolation", "bilinear"},
                       {"crop_pct", 0.875},
                       {"crop_mode", "center"},
                       {"mean", Json::Array{0.485, 0.456, 0.406}},
                       {"std", Json::Array{0.229, 0.224, 0.225}},
                       {"num_classes", classes},
                       {"first_conv", "conv1"},
                       {"classifier", "fc"}});
}

}  // namespace

Json config_of_weights(const fs::path& path) {
  const Checkpoint weights = Checkpoint::open(path);
  const std::optional<ResNetConfig> resnet = resnet_of(weights);
  if (!resnet)
    throw FormatError(path,
                      "is weights without a config.json, and its tensors are not those of "
                      "resnet18, 34, 50, 101 or 152 (torchvision, timm); give the folder that "
                      "has its config.json");
  const std::int64_t classes = rows_of(weights, "fc.weight", 2);
  Json config = Json::object({{"architecture", resnet->architecture}, {"num_classes", classes}});
  if (resnet->channels != ResNetConfig{}.channels) {
    Json::Array channels(resnet->channels.begin(), resnet->channels.end());
    config.set("model_args", Json::object({{"channels", std::move(channels)}}));
  }
  config.set("pretrained_cfg", prepared_as_by_torchvision(classes));
  return config;
}

std::optional<std::string> assumed_of(const ModelFolder& model) {
  std::error_code ignored;
  if (fs::exists(model.path / kConfigFile, ignored)) return std::nullopt;
  const Preprocessing& pictures = model.preprocessing;
  return "no config.json: taken for timm's " +
         std::get<ResNetConfig>(model.architecture).architecture + " with " +
         grouped(static_cast<std::int64_t>(model.labels.size())) +
         " classes without names; pictures are resized to a shortest edge of " +
         std::to_string(pictures.resize_height) + " (bilinear), cut to the centre's " +
         std::to_string(pictures.crop_height) + ", and take ImageNet's mean and deviation";
}

}  // namespace stockpot
