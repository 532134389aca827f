#include "stockpot/model/layers.h"
#include "stockpot/model/network.h"

namespace stockpot {
namespace {

// What a residual block is made of, derived once from the configuration.
struct Block {
  std::string name;  // "layer1.0."
  std::int64_t in = 0, middle = 0, out = 0, stride = 1;
  bool bottleneck = false;
  int number = 0;  // from 1

  // The first of a stage: the shortcut changes size or width.
  bool has_downsample() const { return stride != 1 || in != out; }
};

std::vector<Block> blocks_of(const ResNetConfig& config) {
  std::vector<Block> blocks;
  std::int64_t in = config.stem_channels;
  for (std::size_t stage = 0; stage < config.depths.size(); ++stage) {
    for (std::int64_t i = 0; i < config.depths[stage]; ++i) {
      Block block;
      block.name = "layer" + std::to_string(stage + 1) + "." + std::to_string(i) + ".";
      block.in = in;
      block.middle = config.channels[stage];
      block.out = block.middle * (config.bottleneck ? 4 : 1);
      block.stride = i == 0 && stage > 0 ? 2 : 1;
      block.bottleneck = config.bottleneck;
      block.number = static_cast<int>(blocks.size()) + 1;
      in = block.out;
      blocks.push_back(block);
    }
  }
  return blocks;
}

void add_conv_bn(std::vector<TensorSpec>& specs, const std::string& convolution,
                 const std::string& norm, std::int64_t out, std::int64_t in, std::int64_t size,
                 int block) {
  const auto add = [&](const std::string& name, Shape shape, Role role) {
    specs.push_back({.name = name,
                     .shape = std::move(shape),
                     .role = role,
                     .block = block,
                     .batchnorm = role == Role::scalar});
  };
  add(convolution + ".weight", {out, in, size, size}, Role::kernel);
  add(norm + ".weight", {out}, Role::scalar);
  add(norm + ".bias", {out}, Role::scalar);
  add(norm + ".running_mean", {out}, Role::running);
  add(norm + ".running_var", {out}, Role::running);
  add(norm + ".num_batches_tracked", {}, Role::counter);
}

std::vector<TensorSpec> tensors_of(const ResNetConfig& config, const std::vector<Block>& blocks) {
  std::vector<TensorSpec> specs;
  add_conv_bn(specs, "conv1", "bn1", config.stem_channels, 3, 7, 0);
  for (const Block& block : blocks) {
    const std::string& name = block.name;
    const std::int64_t first = block.bottleneck ? 1 : 3;
    add_conv_bn(specs, name + "conv1", name + "bn1", block.middle, block.in, first, block.number);
    add_conv_bn(specs, name + "conv2", name + "bn2", block.middle, block.middle, 3, block.number);
    if (block.bottleneck)
      add_conv_bn(specs, name + "conv3", name + "bn3", block.out, block.middle, 1, block.number);
    if (block.has_downsample())
      add_conv_bn(specs, name + "downsample.0", name + "downsample.1", block.out, block.in, 1,
                  block.number);
  }
  return specs;
}

// The stride is on the 3x3 convolution, as in torchvision and timm ("ResNet v1.5").
at::Tensor residual(const Block& block, std::size_t blocks, const TensorTable& table,
                    const at::Tensor& x, const Mode& mode) {
  const std::string& n = block.name;
  const at::Tensor shortcut =
      block.has_downsample()
          ? conv_bn(table, {n + "downsample.0", n + "downsample.1", block.stride}, x, mode)
          : x;
  const Residual end{.shortcut = shortcut,
                     .drop_path = drop_path_rate(mode.drop_path, block.number - 1,
                                                 static_cast<std::int64_t>(blocks))};
  const std::int64_t first = block.bottleneck ? 1 : block.stride;
  const std::int64_t second = block.bottleneck ? block.stride : 1;
  const at::Tensor y = conv_bn_relu(table, {n + "conv1", n + "bn1", first}, x, mode);
  const ConvNorm conv2{n + "conv2", n + "bn2", second};
  if (!block.bottleneck) return conv_bn_add_relu(table, conv2, y, end, mode);
  const at::Tensor z = conv_bn_relu(table, conv2, y, mode);
  return conv_bn_add_relu(table, {n + "conv3", n + "bn3"}, z, end, mode);
}

}  // namespace

Network resnet_network(const ResNetConfig& config) {
  const std::vector<Block> blocks = blocks_of(config);
  const auto features = [blocks](const TensorTable& table, const at::Tensor& images,
                                 const Mode& mode) {
    // Channels last all the way: 1.5 to 1.9 times faster on the CPU.
    at::Tensor x = images.contiguous(at::MemoryFormat::ChannelsLast);
    x = conv_bn_relu(table, {"conv1", "bn1", 2}, x, mode);
    x = max_pool(x);
    const auto record = [&] {
      if (mode.layers) mode.layers->push_back(x.mean({2, 3}));
    };
    record();
    for (const Block& block : blocks) {
      x = residual(block, blocks.size(), table, x, mode);
      record();
    }
    return x.mean({2, 3});
  };
  return {.tensors = tensors_of(config, blocks),
          .features = features,
          .batchnorm = true,
          .blocks = static_cast<int>(blocks.size())};
}

}  // namespace stockpot
