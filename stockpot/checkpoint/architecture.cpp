#include "stockpot/checkpoint/architecture.h"

#include <unordered_map>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

class SpecList {
 public:
  void add(std::string name, Shape shape) { specs.push_back({std::move(name), std::move(shape)}); }

  // y = W x + b, and norms: weight and bias.
  void linear(const std::string& name, std::int64_t rows, std::int64_t columns, bool bias = true) {
    add(name + ".weight", {rows, columns});
    if (bias) add(name + ".bias", {rows});
  }
  void layer_norm(const std::string& name, std::int64_t size) {
    add(name + ".weight", {size});
    add(name + ".bias", {size});
  }
  void batch_norm(const std::string& name, std::int64_t size) {
    layer_norm(name, size);
    specs.push_back({name + ".running_mean", {size}, true});
    specs.push_back({name + ".running_var", {size}, true});
    specs.push_back({name + ".num_batches_tracked", {}, true, true});
  }
  void convolution(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t edge) {
    add(name + ".weight", {out, in, edge, edge});
  }

  std::vector<ExpectedTensor> specs;
};

void add_vit(SpecList& list, const VitConfig& vit) {
  const std::int64_t width = vit.hidden_size;
  const std::int64_t side = vit.image_size / vit.patch_size;
  list.add("vit.embeddings.cls_token", {1, 1, width});
  list.add("vit.embeddings.position_embeddings", {1, side * side + 1, width});
  list.convolution("vit.embeddings.patch_embeddings.projection", width, vit.channels,
                   vit.patch_size);
  list.add("vit.embeddings.patch_embeddings.projection.bias", {width});
  for (std::int64_t i = 0; i < vit.layers; ++i) {
    const std::string layer = "vit.encoder.layer." + std::to_string(i) + ".";
    list.layer_norm(layer + "layernorm_before", width);
    for (const char* part : {"query", "key", "value"})
      list.linear(layer + "attention.attention." + part, width, width, vit.qkv_bias);
    list.linear(layer + "attention.output.dense", width, width);
    list.layer_norm(layer + "layernorm_after", width);
    list.linear(layer + "intermediate.dense", vit.intermediate_size, width);
    list.linear(layer + "output.dense", width, vit.intermediate_size);
  }
  list.layer_norm("vit.layernorm", width);
}

void add_resnet(SpecList& list, const ResNetConfig& resnet) {
  list.convolution("conv1", resnet.stem_channels, 3, 7);
  list.batch_norm("bn1", resnet.stem_channels);
  std::int64_t in = resnet.stem_channels;
  for (std::size_t stage = 0; stage < 4; ++stage) {
    const std::int64_t planes = resnet.channels[stage];
    const std::int64_t out = planes * (resnet.bottleneck ? 4 : 1);
    for (std::int64_t i = 0; i < resnet.depths[stage]; ++i) {
      const std::string block = "layer" + std::to_string(stage + 1) + "." + std::to_string(i) + ".";
      list.convolution(block + "conv1", planes, in, resnet.bottleneck ? 1 : 3);
      list.batch_norm(block + "bn1", planes);
      list.convolution(block + "conv2", planes, planes, 3);
      list.batch_norm(block + "bn2", planes);
      if (resnet.bottleneck) {
        list.convolution(block + "conv3", out, planes, 1);
        list.batch_norm(block + "bn3", out);
      }
      const bool halves = i == 0 && stage > 0;
      if (halves || in != out) {
        list.convolution(block + "downsample.0", out, in, 1);
        list.batch_norm(block + "downsample.1", out);
      }
      in = out;
    }
  }
}

void add_side(SpecList& list) {
  const std::vector<ExpectedTensor> base = list.specs;
  for (ExpectedTensor spec : base) {
    spec.name = kSidePrefix + spec.name;
    list.specs.push_back(std::move(spec));
  }
}

// In files of transformers' ViTModel, whose pooler the classifier does not use.
bool is_ignorable(std::string_view name) { return name.starts_with("vit.pooler.dense."); }

bool has_right_type(const ExpectedTensor& spec, Dtype dtype) {
  if (spec.counter) return dtype == Dtype::i64;
  return dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::f32 || dtype == Dtype::f64;
}

// Collects what does not fit, so that one message can say all of it.
struct Differences {
  std::vector<std::string> missing, unknown, types, shapes;
  std::string first_shape;

  std::string text() const {
    std::string all;
    const auto add = [&](const std::vector<std::string>& names, std::string_view what) {
      if (!names.empty())
        all += (all.empty() ? "" : "; ") + std::to_string(names.size()) + " " + std::string(what) +
               ": " + some_of(names);
    };
    add(missing, "tensors are missing");
    add(unknown, "tensors are unknown");
    add(types, "tensors have a type that is not supported");
    add(shapes, "tensors have another shape");
    return all.empty() ? all : all + first_shape;
  }
};

void check_head(const TensorView* head, std::int64_t classes, const fs::path& origin) {
  if (head != nullptr && !head->shape.empty() && head->shape[0] != classes)
    throw FormatError(origin, "the head " + in_quotes(head->name) + " has " +
                                  std::to_string(head->shape[0]) + " rows, but there are " +
                                  std::to_string(classes) + " class names");
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const ModelFolder& model, std::int64_t classes) {
  SpecList list;
  if (const auto* vit = std::get_if<VitConfig>(&model.architecture)) add_vit(list, *vit);
  if (const auto* resnet = std::get_if<ResNetConfig>(&model.architecture))
    add_resnet(list, *resnet);
  if (model.side_network) add_side(list);
  if (classes > 0) {
    list.add(model.head_weight, {classes, model.feature_size});
    list.add(model.head_bias, {classes});
  }
  return std::move(list.specs);
}

std::vector<std::string> check_tensors(std::span<const TensorView> tensors,
                                       const ModelFolder& model, std::int64_t classes,
                                       const fs::path& origin) {
  std::unordered_map<std::string_view, const TensorView*> rest;
  for (const TensorView& tensor : tensors) rest.emplace(tensor.name, &tensor);
  for (const std::string& head : {model.head_weight, model.head_bias})
    check_head(rest.contains(head) ? rest[head] : nullptr, classes, origin);

  Differences differences;
  for (const ExpectedTensor& spec : expected_tensors(model, classes)) {
    const auto found = rest.find(spec.name);
    if (found == rest.end()) {
      if (!spec.counter) differences.missing.push_back(spec.name);
      continue;
    }
    const TensorView& tensor = *found->second;
    if (!has_right_type(spec, tensor.dtype)) differences.types.push_back(spec.name);
    if (tensor.shape != spec.shape) {
      if (differences.shapes.empty())
        differences.first_shape = " (the first is " + to_string(tensor.shape) + ", expected " +
                                  to_string(spec.shape) + ")";
      differences.shapes.push_back(spec.name);
    }
    rest.erase(found);
  }
  std::vector<std::string> ignored;
  for (const TensorView& tensor : tensors)
    if (rest.contains(tensor.name))
      (is_ignorable(tensor.name) ? ignored : differences.unknown).push_back(tensor.name);
  if (const std::string text = differences.text(); !text.empty())
    throw FormatError(origin, "does not fit its architecture (" +
                                  describe_architecture(model.architecture) + "): " + text);
  return ignored;
}

std::string describe_architecture(const Architecture& architecture) {
  if (const auto* vit = std::get_if<VitConfig>(&architecture))
    return "ViT, " + std::to_string(vit->layers) + " layers of " +
           std::to_string(vit->hidden_size) + ", " + std::to_string(vit->heads) + " heads, patch " +
           std::to_string(vit->patch_size) + ", image " + std::to_string(vit->image_size);
  const auto& resnet = std::get<ResNetConfig>(architecture);
  return resnet.architecture + ", channels " + std::to_string(resnet.channels[0]) + "/" +
         std::to_string(resnet.channels[1]) + "/" + std::to_string(resnet.channels[2]) + "/" +
         std::to_string(resnet.channels[3]);
}

}  // namespace stockpot
