#include "stockpot/learned/mixed_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/model/compat.h"
#include "stockpot/train/loss.h"

namespace stockpot {
namespace {

// What a training step of some hundred pictures needs beside the ingredients, at a guess.
constexpr std::uint64_t kReserve = std::uint64_t{12} << 30;

}  // namespace

struct MixedModel::State {
  State(const ModelFolder& folder, const MergePlan& plan, const MixedModelOptions& how)
      : options(how),
        model(on_device(folder, how.device)),
        mixed(mixed_tensors(plan, model, how.rows)),
        ingredients(mixed.tensors, mixed.rows.names.size(), how.mapped),
        keep(how.keep.value_or(choose_keep(ingredients, how.device, kReserve))) {
    if (keep == Keep::files) {
      memory = mix_from_files(mixed, ingredients);
      return;
    }
    try {
      memory = mix_on_device(mixed, ingredients, keep);
    } catch (const c10::Error&) {
      throw UsageError("the ingredients do not fit on the device as " + std::string(name_of(keep)) +
                       " (" + human_bytes(bytes_kept(ingredients, keep)) +
                       "): leave --keep out, or give --keep files");
    }
  }

  static Classifier on_device(const ModelFolder& folder, at::Device device) {
    Classifier model = Classifier::load(folder);
    model.to(device);
    model.evaluate();
    return model;
  }

  MixedModelOptions options;
  Classifier model;
  MixedTensors mixed;
  Ingredients ingredients;
  Keep keep;
  std::unique_ptr<MixMemory> memory;
};

MixedModel::MixedModel(const ModelFolder& folder, const MergePlan& plan,
                       const MixedModelOptions& options)
    : state_(std::make_unique<State>(folder, plan, options)) {}

MixedModel::~MixedModel() = default;

Classifier& MixedModel::classifier() { return state_->model; }
const Ingredients& MixedModel::ingredients() const { return state_->ingredients; }
const std::vector<std::string>& MixedModel::row_names() const { return state_->mixed.rows.names; }
Keep MixedModel::keep() const { return state_->keep; }

std::vector<std::vector<std::size_t>> MixedModel::tensors_by_row() const {
  std::vector<std::vector<std::size_t>> result(row_names().size());
  for (std::size_t i = 0; i < state_->mixed.rows.row.size(); ++i)
    result[state_->mixed.rows.row[i]].push_back(i);
  return result;
}

void MixedModel::set(std::span<const double> alpha) {
  state_->memory->mix(alpha);
  state_->model.zero_gradients();
}

void MixedModel::add(const Inputs& inputs, double beta, double share, MixLoss& sum) {
  State& state = *state_;
  Classifier& model = state.model;
  model.evaluate();
  at::Tensor features;
  {
    const Autocast autocast(model.device(), state.options.bf16);
    features = model.features(inputs.images);
  }
  const at::Tensor logits = model.head_logits(features.to(at::kFloat)), z = logits.detach();
  const Loss loss = softmax_loss(z * beta, inputs.labels, /*smoothing=*/0);
  logits.backward(loss.gradient * (beta * share));
  // One wait for the device.
  const at::Tensor sums = at::stack({loss.mean.to(at::kDouble),
                                     (loss.gradient.to(at::kDouble) * z.to(at::kDouble)).sum(),
                                     z.argmax(1).eq(inputs.labels).sum().to(at::kDouble)})
                              .to(at::kCPU);
  const double* const numbers = sums.data_ptr<double>();
  sum.loss += share * numbers[0];
  sum.beta_gradient += share * numbers[1];
  sum.correct += static_cast<std::int64_t>(numbers[2]);
  sum.rows += z.size(0);
}

std::vector<double> MixedModel::alpha_gradient() {
  state_->mixed.update_statistics();
  return state_->memory->products();
}

}  // namespace stockpot
