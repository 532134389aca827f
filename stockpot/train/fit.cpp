#include "stockpot/train/fit.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/data/batch.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/input.h"
#include "stockpot/train/loss.h"
#include "stockpot/train/optimizer.h"
#include "stockpot/train/progress.h"

namespace stockpot {
namespace {

void check(const Classifier& model, const ImageDataset& train, const FitOptions& options) {
  if (model.labels() != train.classes())
    throw UsageError("the model's " + std::to_string(model.labels().size()) +
                     " labels are not the training set's " +
                     std::to_string(train.classes().size()) + " classes");
  if (train.size() == 0) throw UsageError("the training set is empty");
  if (options.epochs < 1 || options.batch_size < 1)
    throw UsageError("fine-tuning needs at least one epoch and a batch of at least one image");
}

BatchPlan plan_of_epoch(const Classifier& model, const ImageDataset& train,
                        const FitOptions& options, int epoch) {
  BatchPlan plan;
  plan.batch_size = options.batch_size;
  plan.shuffle = true;
  // One row has no variance for BatchNorm to divide by.
  plan.drop_last = model.has_batchnorm() && options.batchnorm == BatchNorm::live &&
                   options.batch_size > 1 && train.size() > 1 &&
                   train.size() % options.batch_size == 1;
  if (options.augmentation.any()) plan.augmentation = options.augmentation;
  plan.seed = options.seed;
  plan.epoch = epoch;
  plan.loader_threads = options.loader_threads;
  return plan;
}

std::int64_t batches_of(const BatchPlan& plan, std::int64_t rows) {
  return plan.drop_last ? rows / plan.batch_size : (rows + plan.batch_size - 1) / plan.batch_size;
}

at::Tensor labels_of(const Batch& batch, at::Device device) {
  return at::from_blob(const_cast<std::int64_t*>(batch.labels.data()), {batch.size},
                       at::TensorOptions(at::kLong))
      .to(device, at::kLong, /*non_blocking=*/false, /*copy=*/true);
}

at::Tensor forward(const Classifier& model, const Batch& batch, bool bf16) {
  const at::Tensor images = to_input(batch.pixels, batch.size, batch.height, batch.width,
                                     model.folder().preprocessing, model.device());
  at::Tensor features;
  {
    const Autocast autocast(model.device(), bf16);
    features = model.features(images);
  }
  return model.head_logits(features.to(at::kFloat));
}

// Every mean and variance that BatchNorm keeps, in the model's order.
std::vector<float> running_statistics(const Classifier& model) {
  std::vector<float> statistics;
  if (!model.has_batchnorm()) return statistics;
  for (const OwnedTensor& tensor : model.state())
    if (tensor.name.ends_with("running_mean") || tensor.name.ends_with("running_var")) {
      const std::vector<float> values = float_values(tensor.view());
      statistics.insert(statistics.end(), values.begin(), values.end());
    }
  return statistics;
}

double largest_change(const std::vector<float>& before, const std::vector<float>& after) {
  double largest = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(after[i]) - before[i]));
  return largest;
}

void require_finite(const EpochTotals& totals, int epoch, std::int64_t step, double learning_rate) {
  if (totals.finite()) return;
  throw RunError("epoch " + std::to_string(epoch) + ", by step " + std::to_string(step) +
                 ": the loss or the gradient is not finite at learning rate " +
                 shortest(learning_rate) +
                 "; use a lower learning rate, a warm-up or gradient clipping");
}

// Every 20th step where looking means waiting for the device.
bool time_to_look(std::int64_t step, at::Device device) {
  return device.is_cpu() || step % 20 == 0;
}

EpochReport end_of_epoch(Classifier& model, const HeldOut& held_out, const FitOptions& options,
                         const EpochTotals& totals) {
  const Predictions predictions = predict(
      model, held_out.set, {.loader_threads = options.loader_threads, .bf16 = options.bf16});
  EpochReport report;
  report.epochs = options.epochs;
  report.train_loss = totals.mean_loss();
  report.train_accuracy = totals.accuracy();
  report.held_out = accuracy(predictions);
  report.held_out_loss = negative_log_likelihood(predictions);
  return report;
}

}  // namespace

FitResult fit(Classifier& model, const ImageDataset& train, const HeldOut& held_out,
              const FitOptions& options, const FitCallbacks& callbacks) {
  check(model, train, options);
  const std::int64_t steps_per_epoch =
      batches_of(plan_of_epoch(model, train, options, 1), train.size());
  const std::int64_t steps = steps_per_epoch * options.epochs;
  const std::vector<float> statistics = running_statistics(model);
  FlatOptimizer optimizer(model, options);
  Progress progress(options.epochs, steps);

  FitResult result;
  std::vector<OwnedTensor> best;
  std::int64_t step = 0;
  for (int epoch = 1; epoch <= options.epochs; ++epoch) {
    progress.start_epoch();
    const auto number = static_cast<std::uint64_t>(epoch);
    model.train(options.batchnorm, RandomStream(options.seed, Purpose::dropout, number).next());
    EpochTotals totals(model.device());
    double learning_rate = 0;
    BatchLoader batches(train, model.folder().preprocessing,
                        plan_of_epoch(model, train, options, epoch));
    while (const auto batch = batches.next()) {
      if (stop_requested())
        throw Interrupted("stopped while fine-tuning, after step " + std::to_string(step) + " of " +
                          std::to_string(steps));
      learning_rate = learning_rate_at(options, step, steps);
      const at::Tensor labels = labels_of(*batch, model.device());
      const at::Tensor logits = forward(model, *batch, options.bf16);
      const Loss loss = softmax_loss(logits.detach(), labels, options.label_smoothing);
      model.zero_gradients();
      logits.backward(loss.gradient);
      const at::Tensor norm = optimizer.gradient_norm();
      totals.add(loss.mean, norm, logits, labels);
      ++step;
      if (time_to_look(step, model.device())) require_finite(totals, epoch, step, learning_rate);
      optimizer.step(learning_rate, norm);
      progress.step(epoch, step, totals.rows(), loss.mean, callbacks);
    }
    require_finite(totals, epoch, step, learning_rate);
    progress.end_of_training(totals.rows());

    EpochReport report = end_of_epoch(model, held_out, options, totals);
    report.epoch = epoch;
    report.learning_rate = learning_rate;
    progress.finish(report, step);
    // Strictly better only: ties keep the earlier epoch.
    if (best.empty() || report.held_out.correct > result.held_out.correct) {
      result.best_epoch = epoch;
      result.held_out = report.held_out;
      best = model.state();
    }
    result.history.push_back(report);
    if (callbacks.on_epoch) callbacks.on_epoch(report);
  }

  if (result.best_epoch != options.epochs) model.load_state(best);
  model.evaluate();
  result.batchnorm_change = largest_change(statistics, running_statistics(model));
  return result;
}

}  // namespace stockpot
