// A model folder as transformers or timm writes it: config.json, weights, and how images
// are prepared. Everything that the files say is checked here, once, before any tensor of
// the model is made.
#pragma once

#include <array>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

// transformers ViTForImageClassification (model_type "vit").
struct VitConfig {
  std::int64_t hidden_size = 768, layers = 12, heads = 12, intermediate_size = 3072;
  std::int64_t image_size = 224, patch_size = 16, channels = 3;
  double layer_norm_eps = 1e-12;
  bool qkv_bias = true;
  std::string activation = "gelu";  // gelu, gelu_new, quick_gelu or relu
  double dropout = 0, attention_dropout = 0;
};

// timm resnet18, 34, 50, 101, 152 (basic and bottleneck blocks).
struct ResNetConfig {
  std::string architecture = "resnet18";
  bool bottleneck = false;
  std::array<std::int64_t, 4> depths{2, 2, 2, 2};
  std::array<std::int64_t, 4> channels{64, 128, 256, 512};  // model_args.channels
  std::int64_t stem_channels = 64;
};

inline constexpr const char* kSidePrefix = "side.";

using Architecture = std::variant<VitConfig, ResNetConfig>;

enum class Interpolation { nearest, bilinear, bicubic, lanczos, box, hamming };

// How an image becomes the network's input: resize, centre crop, scale to [0, 1],
// (x - mean) / std.
struct Preprocessing {
  // Shortest edge when exact is false (aspect kept, as torchvision and timm), else the
  // exact height and width (transformers' {"height", "width"}).
  bool resize_exact = false;
  std::int64_t resize_height = 224, resize_width = 224;
  std::int64_t crop_height = 224, crop_width = 224;
  Interpolation interpolation = Interpolation::bilinear;
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};
  // The first row and column of a crop from an odd surplus: half of it rounded down
  // (transformers), else to the even neighbour (torchvision and timm).
  bool crop_rounds_down = false;

  bool operator==(const Preprocessing&) const = default;
};

struct ModelFolder {
  fs::path path;
  std::string library;  // "transformers" or "timm"
  Architecture architecture;
  Preprocessing preprocessing;
  std::vector<std::string> labels;  // class names by index
  // The files have no head: transformers' ViTModel, timm's models with num_classes 0. There are no
  // labels then, until somebody gives the model a head.
  bool backbone_only = false;
  Json config;                         // config.json as it was read
  std::int64_t feature_size = 0;       // columns of the head
  std::string head_weight, head_bias;  // tensor names
  // Side-tuning (model/side_network.h): config.json has "stockpot_side_network": true, and every
  // tensor but the head comes once more under kSidePrefix. Only this program opens such a folder:
  // others find tensors that they do not know.
  bool side_network = false;

  // Weights without a config.json are looked into (bare_weights.h). Throws FormatError naming the
  // file and the key: unknown architecture (with those that are known), sizes that do not fit,
  // hidden_size not divisible by the heads, values out of range.
  static ModelFolder open(const fs::path& folder);
};

// Throws FormatError naming `other` when its class names or their order differ from those of
// `first`: the mean of such models would mix up their classes.
void require_same_labels(const ModelFolder& first, const ModelFolder& other);

// Opens the weights and checks that names and shapes are those of the architecture; the
// head may have any number of rows but must match `labels`. Tensors of a ViTModel get the names
// that they have in a ViTForImageClassification.
Checkpoint open_weights(const ModelFolder& model);

// Writes a folder of the same format as `source` with these tensors and class names:
// config.json with the new labels (and a ViTForImageClassification where a ViTModel got a head),
// preprocessing files copied byte for byte, one model.safetensors. Fills `folder`, which must exist
// and be empty (a PendingFolder).
void write_model_folder(const fs::path& folder, const ModelFolder& source,
                        std::span<const TensorView> tensors,
                        const std::vector<std::string>& labels);

}  // namespace stockpot
