#include "stockpot/train/gradient.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "stockpot/base/random.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/joint_batch_norm.h"

namespace stockpot {
namespace {

// Parameters up to which passes are recorded. The kernels of larger models take longer than their
// launches, and a recording keeps memory of its own.
constexpr std::int64_t kLargestRecorded = 32'000'000;

bool recordable(const Classifier& model, const FitOptions& options) {
  return options.recorded && DeviceGraph::possible(model.device()) &&
         model.flat_values().numel() <= kLargestRecorded && !model.has_dropout() &&
         options.head_dropout == 0 && options.drop_path == 0;
}

at::Tensor part_of(const at::Tensor& flat, const Parameter& parameter) {
  return flat.narrow(0, parameter.offset, parameter.value.numel());
}

at::Tensor forward(const Classifier& model, const at::Tensor& images, bool bf16) {
  at::Tensor features;
  {
    const Autocast autocast(model.device(), bf16);
    features = model.features(images);
  }
  return model.head_logits(features.to(at::kFloat));
}

TrainingMode mode_of(const FitOptions& options, const TrainingBatch& batch, std::uint64_t seed,
                     const std::shared_ptr<JointBatch>& joint) {
  return {options.batchnorm, seed, options.head_dropout, options.drop_path, batch.positions,
          batch.whole,       joint};
}

}  // namespace

BatchGradient::BatchGradient(const Classifier& model, const FitOptions& options, World& world)
    : options_(options), world_(world) {
  if (options.l2_sp.backbone > 0 || options.l2_sp.head > 0) {
    target_ = model.flat_values().detach().clone();
    for (const Parameter& parameter : model.parameters())
      if (parameter.head) part_of(target_, parameter).zero_();
  }
  if (world.size() > 1 && model.has_batchnorm() && options.batchnorm == BatchNorm::live) {
    joint_ = std::make_shared<JointBatch>();
    joint_->sum = [&world](const at::Tensor& flat) { world.all_reduce(flat, SumOrder::rank); };
  }
  // Ranks ask each other in the middle of a pass with joint BatchNorm.
  if (!joint_ && recordable(model, options)) recorded_.emplace();
}

void BatchGradient::start_epoch(const Classifier& model) {
  std::vector<bool> trained;
  for (const Parameter& parameter : model.parameters())
    trained.push_back(parameter.value.requires_grad());
  if (trained == trained_) return;
  trained_ = std::move(trained);
  if (recorded_) recorded_->forget();
  if (!target_.defined()) return;
  pull_ = at::zeros_like(target_);
  for (const Parameter& parameter : model.parameters())
    if (parameter.value.requires_grad())
      part_of(pull_, parameter)
          .fill_(parameter.head ? options_.l2_sp.head : options_.l2_sp.backbone);
}

// Under live BatchNorm no part has a single row, which has no variance to divide by.
int BatchGradient::parts_of(const Classifier& model, std::int64_t rows) const {
  const bool live = model.has_batchnorm() && options_.batchnorm == BatchNorm::live;
  const std::int64_t most = std::max<std::int64_t>(1, live ? rows / 2 : rows);
  return static_cast<int>(std::min<std::int64_t>(options_.accumulation, most));
}

BatchResult BatchGradient::compute(Classifier& model, const TrainingBatch& batch,
                                   std::uint64_t seed) {
  const auto own = [&](const TrainingBatch& some) { return pass(model, some, seed); };
  BatchResult result = recorded_ ? recorded_->run(batch, own) : own(batch);
  sum_over_ranks(model, result);
  if (!target_.defined()) return result;
  const c10::NoGradGuard no_grad;
  model.flat_gradients().addcmul_(model.flat_values() - target_, pull_);
  return result;
}

BatchResult BatchGradient::pass(Classifier& model, const TrainingBatch& batch,
                                std::uint64_t seed) const {
  model.zero_gradients();
  const std::int64_t rows = batch.size(), parts = rows == 0 ? 0 : parts_of(model, rows);
  BatchResult result{at::zeros({}, batch.labels.options().dtype(at::kFloat)),
                     at::zeros({}, batch.labels.options())};
  if (joint_) joint_->absent = rows == 0;
  if (joint_ && rows == 0) go_along(model, batch, seed);
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = part * rows / parts, end = (part + 1) * rows / parts;
    const TrainingBatch some = parts == 1 ? batch : batch.rows(begin, end);
    model.train(mode_of(options_, batch,
                        parts == 1 ? seed : seed + static_cast<std::uint64_t>(part), joint_));
    const at::Tensor logits = forward(model, some.images, options_.bf16);
    Loss loss = some.loss(logits.detach(), options_.label_smoothing);
    if (end - begin < batch.whole) {
      const double share = static_cast<double>(end - begin) / static_cast<double>(batch.whole);
      loss.gradient.mul_(share);
      loss.mean.mul_(share);
    }
    logits.backward(loss.gradient);
    result.loss = part == 0 ? loss.mean : result.loss + loss.mean;
    result.correct.add_(logits.detach().argmax(1).eq(some.labels).sum());
  }
  return result;
}

void BatchGradient::go_along(Classifier& model, const TrainingBatch& batch,
                             std::uint64_t seed) const {
  TrainingMode mode = mode_of(options_, batch, seed, joint_);
  mode.positions = {0};
  model.train(mode);
  const Preprocessing& like = model.folder().preprocessing;
  const at::Tensor logits = forward(
      model, at::zeros({1, 3, like.crop_height, like.crop_width}, model.flat_values().options()),
      options_.bf16);
  logits.backward(at::zeros_like(logits));
}

// In rank order, so that the bits depend on nothing but the number of ranks.
void BatchGradient::sum_over_ranks(const Classifier& model, BatchResult& result) const {
  if (world_.size() == 1) return;
  world_.all_reduce(model.flat_gradients(), SumOrder::rank);
  const at::Tensor sums = at::stack({result.loss.to(at::kDouble), result.correct.to(at::kDouble)});
  world_.all_reduce(sums, SumOrder::rank);
  result = {sums.select(0, 0), sums.select(0, 1).to(at::kLong)};
}

}  // namespace stockpot
