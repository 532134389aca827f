#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <tuple>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/config_formats.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

std::string activation(const ConfigReader& config) {
  const std::string name = config.string("hidden_act", "gelu");
  for (const char* known : {"gelu", "gelu_new", "quick_gelu", "relu"})
    if (name == known) return name;
  if (name == "gelu_pytorch_tanh") return "gelu_new";  // the same function
  config.fail("hidden_act", "is " + in_quotes(name) +
                                "; known: gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu");
}

std::int64_t square(const ConfigReader& config, std::string_view key, std::int64_t fallback) {
  const auto [height, width] = config.size(key, fallback);
  if (height != width)
    config.fail(key, "is " + std::to_string(height) + "x" + std::to_string(width) +
                         "; only squares are supported");
  return height;
}

// Absent keys take the defaults of transformers' ViTConfig.
VitConfig read_vit(const ConfigReader& config) {
  VitConfig vit;
  vit.hidden_size = config.integer("hidden_size", vit.hidden_size, 1, 65536);
  vit.layers = config.integer("num_hidden_layers", vit.layers, 1, 1024);
  vit.heads = config.integer("num_attention_heads", vit.heads, 1, 65536);
  vit.intermediate_size = config.integer("intermediate_size", vit.intermediate_size, 1, 1 << 20);
  vit.image_size = square(config, "image_size", vit.image_size);
  vit.patch_size = square(config, "patch_size", vit.patch_size);
  vit.channels = config.integer("num_channels", vit.channels, 3, 3);
  vit.layer_norm_eps = config.number("layer_norm_eps", vit.layer_norm_eps, 0, 1);
  vit.qkv_bias = config.boolean("qkv_bias", vit.qkv_bias);
  vit.activation = activation(config);
  vit.dropout = config.number("hidden_dropout_prob", 0, 0, 1);
  vit.attention_dropout = config.number("attention_probs_dropout_prob", 0, 0, 1);
  if (vit.hidden_size % vit.heads != 0)
    config.fail("hidden_size", "is " + std::to_string(vit.hidden_size) +
                                   ", not divisible by num_attention_heads " +
                                   std::to_string(vit.heads));
  if (vit.image_size % vit.patch_size != 0)
    config.fail("image_size", "is " + std::to_string(vit.image_size) +
                                  ", not divisible by patch_size " +
                                  std::to_string(vit.patch_size));
  return vit;
}

// "17" -> 17; no signs, spaces or leading zeros.
std::optional<std::int64_t> class_number(const std::string& key) {
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  const bool whole = error == std::errc() && end == key.data() + key.size();
  if (!whole || std::to_string(number) != key) return std::nullopt;
  return number;
}

// Of a backbone alone the config names no classes of its own.
bool is_backbone(const ConfigReader& config) {
  if (!config.has("architectures")) return false;
  const std::vector<std::string> names = config.strings("architectures");
  return std::ranges::find(names, "ViTModel") != names.end();
}

std::vector<std::string> read_labels(const ConfigReader& config) {
  const std::int64_t announced = config.integer("num_labels", 2, 1, kMostClasses);
  if (!config.has("id2label")) return numbered_labels(announced);
  const Json::Object& members = config.child("id2label").object().members();
  const auto count = static_cast<std::int64_t>(members.size());
  if (config.has("num_labels") && announced != count)
    config.fail("num_labels", "is " + std::to_string(announced) + ", but id2label names " +
                                  std::to_string(count) + " classes");
  if (count == 0) config.fail("id2label", "names no class");
  // Keys of one object are different: n of them in 0..n-1 are all of them.
  std::vector<std::string> labels(members.size());
  for (const auto& [key, label] : members) {
    const auto number = class_number(key);
    if (!number || *number < 0 || *number >= count)
      config.fail("id2label", "has " + std::to_string(count) + " names, but the key " +
                                  in_quotes(key) + " is not one of 0.." +
                                  std::to_string(count - 1));
    if (!label.is_string()) config.fail("id2label", "the name of class " + key + " is no string");
    labels[static_cast<std::size_t>(*number)] = label.as_string();
  }
  return labels;
}

Interpolation resampling(const ConfigReader& config) {
  // PIL's codes.
  constexpr Interpolation kCodes[] = {Interpolation::nearest,  Interpolation::lanczos,
                                      Interpolation::bilinear, Interpolation::bicubic,
                                      Interpolation::box,      Interpolation::hamming};
  return kCodes[config.integer("resample", 2, 0, 5)];
}

void require(const ConfigReader& config, std::string_view key, bool wanted) {
  if (config.boolean(key, wanted) != wanted)
    config.fail(key, std::string("must be ") + (wanted ? "true" : "false") +
                         ": anything else is not supported");
}

// Image processors that do what ViT's does, from the same keys.
struct Processor {
  std::string_view name;
  bool square;  // a number as size is height and width, else the shortest edge
  bool crops;   // unless do_center_crop says otherwise
};
constexpr Processor kProcessors[] = {{"ViT", true, false}, {"Beit", true, false},
                                     {"Bit", false, true}, {"CLIP", false, true},
                                     {"DeiT", true, true}, {"Siglip", false, false}};

// Keys that are absent take ViTImageProcessor's defaults here, so others have to have them.
void check_processor(const ConfigReader& config) {
  const char* key =
      config.has("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
  const std::string type = config.string(key, "ViTImageProcessor");
  const std::string kind =
      type.substr(0, std::min(type.find("ImageProcessor"), type.find("FeatureExtractor")));
  const auto known = std::ranges::find(kProcessors, kind, &Processor::name);
  if (known == std::end(kProcessors))
    config.fail(key, "is " + in_quotes(type) +
                         ", which may prepare images in another way; known: ViTImageProcessor, "
                         "and those of Beit, Bit, CLIP, DeiT and Siglip");
  if (kind == "ViT") return;
  for (const char* needed : {"size", "resample", "image_mean", "image_std", "do_center_crop"})
    if (!config.has(needed) && (known->crops || needed != std::string_view("do_center_crop")))
      config.fail(needed, "is missing, and the default of " + printable(type) + " is not known");
  if (!known->square && config.find("size")->is_number())
    config.fail("size", "is a number, but " + printable(type) +
                            " needs 'shortest_edge' or 'height' and 'width'");
}

// transformers keeps null here, then takes it for false or fails.
void check_nulls(const ConfigReader& config) {
  for (const char* key :
       {"do_resize", "do_rescale", "do_normalize", "size", "resample", "image_mean", "image_std"})
    if (config.object().find(key) != nullptr && !config.has(key))
      config.fail(key, "is null: give its value, or leave it out for the default");
}

bool has_shortest_edge(const Json& size) {
  const Json* edge = size.find("shortest_edge");
  return edge != nullptr && !edge->is_null();
}

// Steps and limits that are not read would change the images unseen.
void check_steps(const ConfigReader& config) {
  constexpr std::string_view kKnown[] = {"do_resize",      "do_rescale",     "do_normalize",
                                         "do_center_crop", "do_convert_rgb", "do_reduce_labels"};
  for (const auto& [key, value] : config.object().members())
    if (key.starts_with("do_") && std::ranges::find(kKnown, key) == std::end(kKnown) &&
        !value.is_null() && value != Json(false))
      config.fail(printable(key), "is not supported");
  const Json* size = config.find("size");
  if (size == nullptr || !size->is_object()) return;
  const bool edge = has_shortest_edge(*size);
  for (const auto& [key, value] : size->members())
    if (!value.is_null() && (edge ? key != "shortest_edge" : key != "height" && key != "width"))
      config.child("size").fail(printable(key), "is not supported");
}

// The keys of preprocessor_config.json; absent ones take ViTImageProcessor's defaults.
Preprocessing read_preprocessing(const ConfigReader& config, std::int64_t image_size) {
  check_nulls(config);
  check_processor(config);
  check_steps(config);
  require(config, "do_resize", true);
  require(config, "do_rescale", true);
  if (std::abs(config.number("rescale_factor", 1.0 / 255, 0, 1) * 255 - 1) > 1e-6)
    config.fail("rescale_factor", "must be 1/255");
  if (config.has("crop_pct")) config.fail("crop_pct", "(ConvNext's resizing) is not supported");

  Preprocessing result;
  result.interpolation = resampling(config);
  const bool crops = config.boolean("do_center_crop", false);
  const Json* size = config.find("size");
  if (size != nullptr && has_shortest_edge(*size)) {
    if (!crops) config.fail("size", "has 'shortest_edge', which needs do_center_crop");
    result.resize_height = config.child("size").integer("shortest_edge", 0, 1, 8192);
    result.resize_width = result.resize_height;
  } else {
    result.resize_exact = true;
    std::tie(result.resize_height, result.resize_width) = config.size("size", 224);
  }
  const auto [height, width] =
      crops ? config.size("crop_size", 224) : std::pair(result.resize_height, result.resize_width);
  if (height != image_size || width != image_size)
    config.fail(crops ? "crop_size" : "size",
                "makes images of " + std::to_string(height) + "x" + std::to_string(width) +
                    ", but the image_size in config.json is " + std::to_string(image_size));
  result.crop_height = height;
  result.crop_width = width;
  result.crop_rounds_down = crops;

  const bool normalises = config.boolean("do_normalize", true);
  const std::array<float, 3> half{0.5f, 0.5f, 0.5f};
  result.mean = config.colour("image_mean", half, -1e6);
  result.std = config.colour("image_std", half, 1e-6);
  if (!normalises) {
    result.mean = {0, 0, 0};
    result.std = {1, 1, 1};
  }
  return result;
}

// As transformers looks: the object for pictures in the file of version 5, then the older file.
Preprocessing read_preprocessing(const fs::path& folder, std::int64_t image_size) {
  std::error_code ignored;
  if (const fs::path file = folder / kProcessorFile; fs::exists(file, ignored)) {
    const Json json = Json::read(file);
    const ConfigReader config(json, file);
    if (config.has("image_processor"))
      return read_preprocessing(config.child("image_processor"), image_size);
  }
  if (const fs::path file = folder / kPreprocessorFile; fs::exists(file, ignored)) {
    const Json json = Json::read(file);
    return read_preprocessing(ConfigReader(json, file), image_size);
  }
  throw FormatError(folder, "no preprocessor_config.json, which says how images are prepared");
}

}  // namespace

std::vector<std::string> numbered_labels(std::int64_t count) {
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  return labels;
}

bool are_numbered(const std::vector<std::string>& labels) {
  return !labels.empty() && labels == numbered_labels(static_cast<std::int64_t>(labels.size()));
}

void read_transformers(ModelFolder& folder) {
  const fs::path file = folder.path / kConfigFile;
  const ConfigReader config(folder.config, file);
  if (const std::string type = config.string("model_type", ""); type != "vit")
    config.fail("model_type", "is " + in_quotes(type) +
                                  ", which is not supported; known: vit (transformers), "
                                  "resnet18, 34, 50, 101, 152 (timm)");
  const VitConfig vit = read_vit(config);
  folder.library = "transformers";
  folder.architecture = vit;
  folder.backbone_only = is_backbone(config);
  if (!folder.backbone_only) folder.labels = read_labels(config);
  folder.preprocessing = read_preprocessing(folder.path, vit.image_size);
  folder.feature_size = vit.hidden_size;
  folder.head_weight = "classifier.weight";
  folder.head_bias = "classifier.bias";
}

}  // namespace stockpot
