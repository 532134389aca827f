#include "stockpot/train/fit.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/data/mixing.h"
#include "stockpot/model/compat.h"
#include "stockpot/train/checkpoints.h"
#include "stockpot/train/fit_identity.h"
#include "stockpot/train/fit_run.h"
#include "stockpot/train/joint.h"
#include "stockpot/train/parameter_rules.h"

namespace stockpot {
namespace {

void check(const Classifier& model, const ImageDataset& train, const FitOptions& options) {
  if (model.labels() != train.classes())
    throw UsageError("the model's " + std::to_string(model.labels().size()) +
                     " labels are not the training set's " +
                     std::to_string(train.classes().size()) + " classes");
  if (train.size() == 0) throw UsageError("the training set is empty");
  if (options.epochs < 0 || options.batch_size < 1)
    throw UsageError("fine-tuning needs a number of epochs and a batch of at least one image");
  if (options.accumulation < 1)
    throw UsageError("a batch is worked on in at least one part, not " +
                     std::to_string(options.accumulation));
  const auto share = [](double value) { return value >= 0 && value < 1; };
  if (!share(options.head_dropout) || !share(options.drop_path) ||
      !std::all_of(options.ema.decays.begin(), options.ema.decays.end(), share))
    throw UsageError("rates of dropout and drop path and decays of averages lie in [0, 1)");
  check_freezing(model, options);
}

double largest_change(const std::vector<float>& before, const std::vector<float>& after) {
  double largest = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(after[i]) - before[i]));
  return largest;
}

std::string advice_for(const FitOptions& options) {
  std::string advice = "use a lower learning rate";
  if (options.warmup == 0) advice += ", a warm-up";
  if (options.clip_norm == 0) advice += ", gradient clipping";
  if (options.sam_rho > 0) advice += ", a smaller sam_rho";
  if (options.bf16) advice += ", or float32 in place of bfloat16";
  return advice;
}

void require_finite(const FitRun& run, const Checkpoints& checkpoints) {
  run.world.settle();
  if (run.totals.finite()) return;
  const EpochTotals::BadStep bad = run.totals.first_bad(run.step);
  Divergence divergence;
  divergence.epoch = run.epoch;
  divergence.step = bad.step;
  divergence.steps = run.steps;
  divergence.learning_rate = learning_rate_at(run.options, bad.step - 1, run.steps);
  divergence.loss = bad.loss;
  divergence.gradient_norm = bad.gradient_norm;
  divergence.batch = run.images_of(bad.step);
  divergence.advice = advice_for(run.options);
  if (run.best)
    divergence.advice += "; the weights after epoch " + std::to_string(run.result.best_epoch) +
                         ", the best until then, are kept";
  checkpoints.record(divergence);
  throw Diverged(std::move(divergence));
}

// Now and then where looking means waiting for the device.
bool time_to_look(std::int64_t step, at::Device device) {
  return device.is_cpu() || step % EpochTotals::kRemembered == 0;
}

// Of everything that is dropped in the next step.
std::uint64_t dropout_seed(const FitRun& run) {
  RandomStream stream(run.options.seed, Purpose::dropout, static_cast<std::uint64_t>(run.epoch),
                      static_cast<std::uint64_t>(run.batch()));
  const std::uint64_t high = stream.next();
  return high << 32 | stream.next();
}

TrainingBatch next_inputs(const FitRun& run, const Batch& batch) {
  const Mixing mixing = plan_mixing(run.options.mixing, run.options.seed, run.epoch, run.batch(),
                                    static_cast<int>(batch.height), static_cast<int>(batch.width));
  return to_training_batch(batch, mixing, run.model);
}

void make_step(FitRun& run, const Batch& batch, const Checkpoints& checkpoints,
               const FitCallbacks& callbacks) {
  const TrainingBatch inputs = next_inputs(run, batch);
  const std::uint64_t seed = dropout_seed(run);
  const double learning_rate = learning_rate_at(run.options, run.step, run.steps);
  const BatchResult result = run.gradient.compute(run.model, inputs, seed);
  at::Tensor norm = run.optimizer.gradient_norm();
  if (run.sharpness) {
    run.sharpness->climb(run.model, norm);
    run.gradient.compute(run.model, inputs, seed);
    run.sharpness->descend(run.model);
    norm = run.optimizer.gradient_norm();
  }
  ++run.step;
  run.totals.add(run.step, result.loss, norm, result.correct, inputs.whole);
  if (time_to_look(run.step, run.model.device())) require_finite(run, checkpoints);
  run.optimizer.step(learning_rate, norm);
  run.averages.after_step(run.model, run.step);
  StepReport report;
  report.epoch = run.epoch;
  report.step = run.step;
  report.learning_rate = learning_rate;
  const auto loss = [&] {
    run.world.settle();
    return result.loss.item<double>();
  };
  run.clock.step(report, run.totals.rows(), loss, callbacks);
}

std::unique_ptr<BatchLoader> start_loading(const FitRun& run, int epoch) {
  if (epoch > run.options.epochs) return nullptr;
  return std::make_unique<BatchLoader>(run.train, run.model.folder().preprocessing,
                                       run.plan(epoch));
}

void train_epoch(FitRun& run, BatchLoader& batches, Checkpoints& checkpoints,
                 const FitCallbacks& callbacks) {
  run.start_epoch();
  const auto next = [&] {
    return run.clock.wait_for_data(run.model.device(), [&] { return batches.next(); });
  };
  while (const auto batch = next()) {
    // Several ranks ask each other.
    const bool look = run.world.size() == 1 || time_to_look(run.step, run.model.device());
    if (look && checkpoints.due(run)) {
      require_finite(run, checkpoints);  // a state that is lost already is not worth saving
      checkpoints.save(run);
    }
    make_step(run, *batch, checkpoints, callbacks);
  }
  require_finite(run, checkpoints);
  run.clock.end_of_training(run.totals.rows());
}

Predictions predict(const FitRun& run, const HeldOut& held_out) {
  return predict_together(run.world, run.model, held_out.set,
                          {.loader_threads = run.options.loader_threads, .bf16 = run.options.bf16});
}

Predictions evaluate(const FitRun& run, const HeldOut& held_out, Checkpoints& checkpoints) {
  try {
    return predict(run, held_out);
  } catch (const Interrupted&) {
    checkpoints.stop(run, "stopped while evaluating");
  }
}

void end_epoch(FitRun& run, const HeldOut& held_out, Checkpoints& checkpoints,
               const FitCallbacks& callbacks) {
  require_same_weights(run.world, run.model, run.epoch);
  const Predictions predictions = evaluate(run, held_out, checkpoints);
  EpochReport report;
  report.epoch = run.epoch;
  report.epochs = run.options.epochs;
  report.train_loss = run.totals.mean_loss();
  report.train_accuracy = run.totals.accuracy();
  report.held_out = accuracy(predictions);
  report.held_out_loss = negative_log_likelihood(predictions);
  report.learning_rate = run.learning_rate();
  run.averages.after_epoch(run.model, run.epoch, report.held_out_loss);
  run.clock.finish(report, run.step);
  // Strictly better only: ties keep the earlier epoch.
  if (!run.best || report.held_out.correct > run.result.held_out.correct) {
    run.result.best_epoch = run.epoch;
    run.result.held_out = report.held_out;
    run.result.predictions = predictions;
    run.best = copy_weights(run.model, at::kCPU);
  }
  run.result.history.push_back(report);
  if (callbacks.on_epoch) callbacks.on_epoch(report);
}

// Leaves the weights of the last epoch in the model.
void score_averages(FitRun& run, const HeldOut& held_out, Checkpoints& checkpoints) {
  const std::vector<WeightAverages::Average> averages = run.averages.all();
  if (averages.empty()) return;
  const Weights last = copy_weights(run.model, run.model.device());
  for (const WeightAverages::Average& average : averages) {
    put_weights(average.weights, run.model);
    try {
      const Predictions predictions = predict(run, held_out);
      run.result.averages.push_back({average.name, run.model.state(), accuracy(predictions),
                                     negative_log_likelihood(predictions)});
    } catch (const Interrupted&) {
      put_weights(last, run.model);
      checkpoints.stop(run, "stopped while evaluating " + average.name);
    }
  }
  put_weights(last, run.model);
}

// What training starts from, such as a zero-shot classifier.
FitResult score_start(Classifier& model, const HeldOut& held_out, const FitOptions& options,
                      World& world) {
  FitResult result;
  result.predictions = predict_together(
      world, model, held_out.set, {.loader_threads = options.loader_threads, .bf16 = options.bf16});
  result.held_out = accuracy(*result.predictions);
  return result;
}

}  // namespace

FitResult fit(Classifier& model, const ImageDataset& train, const HeldOut& held_out,
              const FitOptions& options, const FitCallbacks& callbacks) {
  World alone = World::alone();
  return fit(model, train, held_out, options, callbacks, alone);
}

FitResult fit(Classifier& model, const ImageDataset& train, const HeldOut& held_out,
              const FitOptions& options, const FitCallbacks& callbacks, World& world) {
  check(model, train, options);
  require_joint(model, options, world.size());
  const OwnStream stream(model.device());
  if (options.epochs == 0) return score_start(model, held_out, options, world);
  Json identity;
  if (world.size() > 1 || !options.checkpoints.folder.empty())
    identity = fit_identity(model, train, held_out.set, options, world.size());
  if (world.size() > 1) agree_on(world, identity);
  FitRun run(model, train, options, world);
  Checkpoints checkpoints(options.checkpoints, std::move(identity), world);
  if (checkpoints.resume(run) && callbacks.on_resume)
    callbacks.on_resume({run.epoch, run.step, run.steps, run.result.history});

  try {
    auto batches = start_loading(run, run.epoch);
    for (; run.epoch <= options.epochs; run.next_epoch()) {
      train_epoch(run, *batches, checkpoints, callbacks);
      // The first batches of the next epoch are made while this one is evaluated.
      batches = start_loading(run, run.epoch + 1);
      end_epoch(run, held_out, checkpoints, callbacks);
    }
  } catch (const Diverged&) {
    if (run.best) put_weights(*run.best, model);
    model.evaluate();
    throw;
  }
  score_averages(run, held_out, checkpoints);

  if (run.result.best_epoch != options.epochs) put_weights(*run.best, model);
  model.set_trained([](const Parameter&) { return true; });
  model.evaluate();
  run.result.batchnorm_change = largest_change(run.start_statistics, running_statistics(model));
  checkpoints.finish();
  return std::move(run.result);
}

}  // namespace stockpot
