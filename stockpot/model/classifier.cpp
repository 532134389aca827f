#include "stockpot/model/classifier.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/layers.h"
#include "stockpot/model/network.h"
#include "stockpot/model/parameters.h"
#include "stockpot/model/side_network.h"
#include "stockpot/model/tensor_io.h"

namespace stockpot {
namespace {

Network network_of(const ModelFolder& folder) {
  const auto* vit = std::get_if<VitConfig>(&folder.architecture);
  const Network network =
      vit ? vit_network(*vit) : resnet_network(std::get<ResNetConfig>(folder.architecture));
  return folder.side_network ? with_side_network(network) : network;
}

std::vector<TensorSpec> with_head(const Network& network, const ModelFolder& folder) {
  std::vector<TensorSpec> tensors = network.tensors;
  const int block = network.blocks + 1;
  const auto classes = static_cast<std::int64_t>(folder.labels.size());
  tensors.push_back({.name = folder.head_weight,
                     .shape = {classes, folder.feature_size},
                     .role = Role::kernel,
                     .head = true,
                     .block = block});
  tensors.push_back({.name = folder.head_bias,
                     .shape = {classes},
                     .role = Role::scalar,
                     .head = true,
                     .block = block});
  return tensors;
}

// A generator of its own, whatever the device, so that models do not disturb each other.
at::Generator dropout_generator(at::Device device, std::uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(device).clone();
  RandomStream stream(seed, Purpose::dropout);
  const std::uint64_t high = stream.next();
  generator.set_current_seed(high << 32 | stream.next());
  return generator;
}

at::Tensor positions_on(at::Device device, const std::vector<std::int64_t>& positions) {
  if (positions.empty()) return {};
  const at::Tensor rows =
      at::empty({static_cast<std::int64_t>(positions.size())}, at::TensorOptions(at::kLong));
  std::copy(positions.begin(), positions.end(), rows.data_ptr<std::int64_t>());
  return rows.to(device);
}

}  // namespace

struct Classifier::Impl {
  ModelFolder folder;
  Network network;
  TensorTable table;
  Mode mode;
  std::uint64_t dropout_seed = 0;

  bool trains_backbone() const {
    const std::vector<Parameter>& all = table.parameters();
    return std::any_of(all.begin(), all.end(), [](const Parameter& parameter) {
      return !parameter.head && parameter.value.requires_grad();
    });
  }
};

Classifier::Classifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

Classifier Classifier::load(const ModelFolder& folder) {
  const Checkpoint checkpoint = open_weights(folder);
  Network network = network_of(folder);
  TensorTable table(with_head(network, folder), at::kCPU);
  for (const Parameter& parameter : table.parameters())
    if (!parameter.head || !folder.backbone_only)
      copy_values(checkpoint.at(parameter.name), parameter.value);
  for (const auto& [name, buffer] : table.buffers()) {
    // Checkpoints from before PyTorch 0.4.1 do not count batches.
    const bool counter = buffer.scalar_type() == at::kLong;
    if (counter && checkpoint.find(name) == nullptr) continue;
    copy_values(checkpoint.at(name), buffer);
  }
  return Classifier(
      std::make_unique<Impl>(Impl{folder, std::move(network), std::move(table), {}, 0}));
}

Classifier Classifier::clone() const {
  Classifier copy(
      std::make_unique<Impl>(Impl{impl_->folder, impl_->network, impl_->table.copy(device()),
                                  impl_->mode, impl_->dropout_seed}));
  if (copy.impl_->mode.dropout.defined()) copy.impl_->mode.dropout = impl_->mode.dropout.clone();
  return copy;
}

const ModelFolder& Classifier::folder() const { return impl_->folder; }
const std::vector<std::string>& Classifier::labels() const { return impl_->folder.labels; }
bool Classifier::has_batchnorm() const { return impl_->network.batchnorm; }
bool Classifier::has_dropout() const { return impl_->network.dropout; }
at::Device Classifier::device() const { return impl_->table.values().device(); }

void Classifier::to(at::Device target) {
  if (target == device()) return;
  impl_->table = impl_->table.copy(target);
  if (impl_->mode.dropout.defined())
    impl_->mode.dropout = dropout_generator(device(), impl_->dropout_seed);
}

at::Tensor Classifier::features(const at::Tensor& images) const {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != at::kFloat)
    throw std::invalid_argument("features() takes N x 3 x H x W images in float32");
  const c10::AutoGradMode record(at::GradMode::is_enabled() && impl_->trains_backbone());
  return rounds_to_bfloat16(device())
             ? impl_->network.features(impl_->table.in_bfloat16(), images, impl_->mode)
             : impl_->network.features(impl_->table, images, impl_->mode);
}

std::pair<at::Tensor, std::vector<at::Tensor>> Classifier::features_and_layers(
    const at::Tensor& images) const {
  std::vector<at::Tensor> layers;
  impl_->mode.layers = &layers;
  at::Tensor last;
  try {
    last = features(images);
  } catch (...) {
    impl_->mode.layers = nullptr;
    throw;
  }
  impl_->mode.layers = nullptr;
  return {last, std::move(layers)};
}

at::Tensor Classifier::head_logits(const at::Tensor& features) const {
  const ModelFolder& folder = impl_->folder;
  return linear(dropout(features, impl_->mode.head_dropout, impl_->mode),
                impl_->table[folder.head_weight], impl_->table[folder.head_bias]);
}

void Classifier::evaluate() { impl_->mode = {}; }

void Classifier::train(const TrainingMode& mode) {
  const bool drops = has_dropout() || mode.head_dropout > 0 || mode.drop_path > 0;
  impl_->dropout_seed = mode.seed;
  impl_->mode = {.batch_statistics = mode.batchnorm == BatchNorm::live,
                 .dropout = drops ? dropout_generator(device(), mode.seed) : at::Generator(),
                 .head_dropout = mode.head_dropout,
                 .drop_path = mode.drop_path,
                 .positions = drops ? positions_on(device(), mode.positions) : at::Tensor(),
                 .batch_rows = mode.batch_rows,
                 .joint = mode.joint};
}

void Classifier::reset_head(const std::vector<std::string>& labels, std::uint64_t seed) {
  const auto classes = static_cast<std::int64_t>(labels.size());
  at::Tensor weight = at::empty({classes, impl_->folder.feature_size}, at::kFloat);
  RandomStream stream(seed, Purpose::head_init);
  float* values = weight.data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i)
    values[i] = static_cast<float>(0.01 * stream.normal());
  set_head(labels, weight, at::zeros({classes}, at::kFloat));
}

void Classifier::set_head(const std::vector<std::string>& labels, const at::Tensor& weight,
                          const at::Tensor& bias) {
  const auto classes = static_cast<std::int64_t>(labels.size());
  if (classes == 0) throw UsageError("a head needs at least one class, none was given");
  if (weight.sizes() != at::IntArrayRef({classes, impl_->folder.feature_size}) ||
      bias.sizes() != at::IntArrayRef({classes}))
    throw std::invalid_argument("set_head() takes classes x feature_size weights, classes biases");
  const c10::NoGradGuard no_grad;
  ModelFolder folder = impl_->folder;
  folder.labels = labels;
  TensorTable table(with_head(impl_->network, folder), device());
  const std::int64_t backbone = table.values().numel() - weight.numel() - bias.numel();
  table.values().narrow(0, 0, backbone).copy_(impl_->table.values().narrow(0, 0, backbone));
  for (std::size_t i = 0; i < table.buffers().size(); ++i)
    table.buffers()[i].second.copy_(impl_->table.buffers()[i].second);
  table[folder.head_weight].copy_(weight);
  table[folder.head_bias].copy_(bias);
  impl_->folder = std::move(folder);
  impl_->table = std::move(table);
}

void Classifier::add_side_network(std::uint64_t seed) {
  if (impl_->folder.side_network)
    throw UsageError(impl_->folder.path.string() + " has a side network already");
  const c10::NoGradGuard no_grad;
  ModelFolder folder = impl_->folder;
  folder.side_network = true;
  Network network = network_of(folder);
  TensorTable table(with_head(network, folder), device());
  randomise_side_network(table, seed);
  for (const Parameter& parameter : impl_->table.parameters())
    table[parameter.name].copy_(parameter.value);
  for (const auto& [name, buffer] : impl_->table.buffers()) table[name].copy_(buffer);
  impl_->folder = std::move(folder);
  impl_->network = std::move(network);
  impl_->table = std::move(table);
}

const std::vector<Parameter>& Classifier::parameters() const { return impl_->table.parameters(); }
at::Tensor Classifier::flat_values() const { return impl_->table.values(); }
at::Tensor Classifier::flat_gradients() const { return impl_->table.gradients(); }

void Classifier::zero_gradients() {
  const c10::NoGradGuard no_grad;
  impl_->table.gradients().zero_();
}

void Classifier::set_trained(const std::function<bool(const Parameter&)>& trained) {
  impl_->table.set_trained(trained);
}

int Classifier::blocks() const { return impl_->network.blocks; }

const std::vector<std::pair<std::string, at::Tensor>>& Classifier::buffers() const {
  return impl_->table.buffers();
}

std::vector<OwnedTensor> Classifier::state() const {
  // One transfer for all parameters when they are on a GPU.
  const TensorTable table = device().is_cpu() ? impl_->table : impl_->table.copy(at::kCPU);
  std::vector<OwnedTensor> tensors;
  for (const Parameter& parameter : table.parameters())
    tensors.push_back(to_owned(parameter.name, parameter.value));
  for (const auto& [name, buffer] : table.buffers()) tensors.push_back(to_owned(name, buffer));
  return tensors;
}

void Classifier::load_state(const std::vector<OwnedTensor>& tensors) {
  std::unordered_map<std::string, const OwnedTensor*> given;
  for (const OwnedTensor& tensor : tensors)
    if (!given.emplace(tensor.name, &tensor).second)
      throw FormatError("tensor '" + printable(tensor.name) + "' is given twice");
  // Filled first and swapped in at the end: a state that does not fit changes nothing.
  TensorTable table(impl_->table.specs(), at::kCPU);
  const auto take = [&](const std::string& name, const at::Tensor& target) {
    const auto found = given.find(name);
    if (found == given.end())
      throw FormatError("tensor '" + name + "' of the model is missing from the state");
    copy_values(found->second->view(), target);
    given.erase(found);
  };
  for (const Parameter& parameter : table.parameters()) take(parameter.name, parameter.value);
  for (const auto& [name, buffer] : table.buffers()) take(name, buffer);
  if (!given.empty())
    throw FormatError("the model has no tensor '" + printable(given.begin()->first) + "'");
  impl_->table.assign(table);
}

void Classifier::save(const fs::path& target) const {
  const std::vector<OwnedTensor> tensors = state();
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
  PendingFolder pending(target);
  write_model_folder(pending.path(), impl_->folder, views, labels());
  pending.publish();
}

}  // namespace stockpot
