#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "stockpot/base/error.h"
#include "stockpot/model/layers.h"
#include "stockpot/model/network.h"

namespace stockpot {
namespace {

const std::string kEmbeddings = "vit.embeddings.";
const std::string kProjection = kEmbeddings + "patch_embeddings.projection";

std::string layer_name(std::int64_t layer) {
  return "vit.encoder.layer." + std::to_string(layer) + ".";
}

class Specs {
 public:
  // Of the tensors that follow.
  void block(std::int64_t number) { block_ = static_cast<int>(number); }
  void kernel(const std::string& name, Shape shape, std::string fused = "") {
    list_.push_back({name, std::move(shape), Role::kernel, false, std::move(fused), block_});
  }
  void scalar(const std::string& name, Shape shape, std::string fused = "") {
    list_.push_back({name, std::move(shape), Role::scalar, false, std::move(fused), block_});
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    kernel(name + ".weight", {out, in});
    scalar(name + ".bias", {out});
  }
  void norm(const std::string& name, std::int64_t width) {
    scalar(name + ".weight", {width});
    scalar(name + ".bias", {width});
  }
  std::vector<TensorSpec> take() { return std::move(list_); }

 private:
  std::vector<TensorSpec> list_;
  int block_ = 0;
};

std::vector<TensorSpec> tensors_of(const VitConfig& config) {
  const std::int64_t width = config.hidden_size;
  const std::int64_t side = config.image_size / config.patch_size;
  Specs specs;
  specs.scalar(kEmbeddings + "cls_token", {1, 1, width});
  specs.scalar(kEmbeddings + "position_embeddings", {1, side * side + 1, width});
  specs.kernel(kProjection + ".weight",
               {width, config.channels, config.patch_size, config.patch_size});
  specs.scalar(kProjection + ".bias", {width});
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string name = layer_name(layer), attention = name + "attention.attention.";
    specs.block(layer + 1);
    specs.norm(name + "layernorm_before", width);
    for (const char* part : {"query", "key", "value"}) {
      specs.kernel(attention + part + ".weight", {width, width}, attention + "qkv.weight");
      if (config.qkv_bias)
        specs.scalar(attention + part + ".bias", {width}, attention + "qkv.bias");
    }
    specs.linear(name + "attention.output.dense", width, width);
    specs.norm(name + "layernorm_after", width);
    specs.linear(name + "intermediate.dense", config.intermediate_size, width);
    specs.linear(name + "output.dense", width, config.intermediate_size);
  }
  specs.norm("vit.layernorm", width);
  return specs.take();
}

// A convolution whose stride is its size is a matrix product on patches. The weight lies
// channels last, so a patch is read in the order (row, column, channel).
at::Tensor embed_patches(const VitConfig& config, const TensorTable& table,
                         const at::Tensor& images) {
  const std::int64_t patch = config.patch_size, side = config.image_size / patch;
  const std::int64_t inputs = config.channels * patch * patch;
  const at::Tensor patches =
      images.reshape({images.size(0), config.channels, side, patch, side, patch})
          .permute({0, 2, 4, 3, 5, 1})
          .reshape({images.size(0), side * side, inputs});
  const at::Tensor weight = table[kProjection + ".weight"].permute({0, 2, 3, 1});
  return linear(patches, weight.reshape({config.hidden_size, inputs}),
                table[kProjection + ".bias"]);
}

// `queries` leading tokens leave the layer. The features are the class token alone, so the
// last layer computes nothing for the others beyond their keys and values.
at::Tensor encoder_layer(const VitConfig& config, const TensorTable& table, std::int64_t layer,
                         const at::Tensor& x, std::int64_t queries, const Mode& mode) {
  const std::string name = layer_name(layer);
  const double skipped = drop_path_rate(mode.drop_path, layer, config.layers);
  const at::Tensor mixed =
      self_attention(table, name + "attention.attention.qkv",
                     layer_norm(table, name + "layernorm_before", x, config.layer_norm_eps),
                     config.heads, queries, config.attention_dropout, mode);
  const at::Tensor y = linear(table, name + "attention.output.dense", mixed,
                              {x.narrow(1, 0, queries), config.dropout, skipped}, mode);
  return mlp(table, {name + "intermediate.dense", name + "output.dense", config.activation},
             layer_norm(table, name + "layernorm_after", y, config.layer_norm_eps),
             {y, config.dropout, skipped}, mode);
}

at::Tensor features_of(const VitConfig& config, const TensorTable& table, const at::Tensor& images,
                       const Mode& mode) {
  if (images.size(2) != config.image_size || images.size(3) != config.image_size)
    throw UsageError("this model takes images of " + std::to_string(config.image_size) + " x " +
                     std::to_string(config.image_size) + " pixels, not " +
                     std::to_string(images.size(2)) + " x " + std::to_string(images.size(3)) +
                     ": its position embeddings fix the size");
  const at::Tensor patches = embed_patches(config, table, images);
  const at::Tensor token =
      table[kEmbeddings + "cls_token"].expand({images.size(0), 1, config.hidden_size});
  // A cat of mixed types (float32 token, bfloat16 patches under autocast) is float32.
  at::Tensor x = at::cat({token, patches}, 1) + table[kEmbeddings + "position_embeddings"];
  x = dropout(x, config.dropout, mode);
  // Before the first block the class token is the same for all images.
  if (mode.layers) mode.layers->push_back(x.narrow(1, 1, x.size(1) - 1).mean(1));
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const bool last = layer + 1 == config.layers;
    x = encoder_layer(config, table, layer, x, last ? 1 : x.size(1), mode);
    if (mode.layers) mode.layers->push_back(x.select(1, 0));
  }
  return layer_norm(table, "vit.layernorm", x.select(1, 0), config.layer_norm_eps);
}

}  // namespace

Network vit_network(const VitConfig& config) {
  return {
      .tensors = tensors_of(config),
      .features = [config](const TensorTable& table, const at::Tensor& images,
                           const Mode& mode) { return features_of(config, table, images, mode); },
      .batchnorm = false,
      .dropout = config.dropout > 0 || config.attention_dropout > 0,
      .blocks = static_cast<int>(config.layers)};
}

}  // namespace stockpot
