#include "stockpot/train/fit_run.h"

#include <c10/core/GradMode.h>

#include <numeric>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/model/input.h"
#include "stockpot/parallel/rows.h"
#include "stockpot/train/parameter_rules.h"

namespace stockpot {
namespace {

BatchPlan plan_of_epoch(const Classifier& model, const ImageDataset& train,
                        const FitOptions& options, const World& world, int epoch) {
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
  plan.loader_threads = loader_threads(options.loader_threads, model.device());
  if (world.size() > 1)
    plan.part = [rank = world.rank(), size = world.size(),
                 pairs = options.mixing.any()](std::int64_t rows) {
      if (pairs) return paired_rows_of_rank(rows, rank, size);
      const RowRange range = rows_of_rank(rows, rank, size);
      std::vector<std::int64_t> positions(static_cast<std::size_t>(range.size()));
      std::iota(positions.begin(), positions.end(), range.begin);
      return positions;
    };
  return plan;
}

std::int64_t batches_of(const BatchPlan& plan, std::int64_t rows) {
  return plan.drop_last ? rows / plan.batch_size : (rows + plan.batch_size - 1) / plan.batch_size;
}

const Json& need(const Json& json, const char* key) {
  if (const Json* value = json.find(key)) return *value;
  throw FormatError(std::string("a saved state has no '") + key + "'");
}

}  // namespace

FitRun::FitRun(Classifier& model_, const ImageDataset& train_, const FitOptions& options_,
               World& world_)
    : model(model_),
      train(train_),
      options(options_),
      world(world_),
      steps_per_epoch(
          batches_of(plan_of_epoch(model_, train_, options_, world_, 1), train_.size())),
      steps(steps_per_epoch * options_.epochs),
      start_statistics(running_statistics(model_)),
      gradient(model_, options_, world_),
      optimizer(model_, options_),
      averages(model_, options_),
      totals(model_.device()),
      clock(options_.epochs, steps) {
  if (options.sam_rho > 0) sharpness.emplace(model, options.sam_rho);
}

BatchPlan FitRun::plan(int of_epoch) const {
  BatchPlan plan = plan_of_epoch(model, train, options, world, of_epoch);
  if (of_epoch == epoch) plan.first_batch = batch();
  return plan;
}

std::vector<std::string> FitRun::images_of(std::int64_t step_of_run) const {
  const std::vector<std::int64_t> order = row_order(train, plan(epoch));
  const std::int64_t first = (step_of_run - 1 - (epoch - 1) * steps_per_epoch) * options.batch_size;
  std::vector<std::string> ids;
  for (std::int64_t i = first; i < std::min(first + options.batch_size, train.size()); ++i)
    ids.push_back(train.id(order[static_cast<std::size_t>(i)]));
  return ids;
}

void FitRun::start_epoch() {
  optimizer.start_epoch(epoch);
  model.set_trained([&](const Parameter& parameter) {
    return rule_of(parameter, model.blocks(), options).first_epoch <= epoch;
  });
  gradient.start_epoch(model);
}

void FitRun::next_epoch() {
  ++epoch;
  totals = EpochTotals(model.device());
  clock.start_epoch();
}

NamedTensors FitRun::tensors() const {
  NamedTensors all = named("model", weights_of(model), model);
  const auto add = [&](const NamedTensors& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  add(optimizer.tensors());
  add(averages.tensors(model));
  if (best) add(named("best", *best, model));
  return all;
}

Json FitRun::state() const {
  Json history = Json::array();
  for (const EpochReport& report : result.history) history.push(report.to_json());
  return Json::object({{"epoch", epoch},
                       {"step", step},
                       {"optimizer_steps", optimizer.counts()},
                       {"averages", averages.state()},
                       {"totals", totals.to_json()},
                       {"seconds", clock.to_json()},
                       {"best_epoch", result.best_epoch},
                       {"history", std::move(history)}});
}

void FitRun::save(Snapshot& snapshot) const {
  snapshot.clear();
  snapshot.step = step;
  copy_out(tensors(), snapshot);
  snapshot.state = state();
}

void FitRun::set_state(const Json& state, const fs::path& origin) {
  epoch = static_cast<int>(need(state, "epoch").as_integer());
  step = need(state, "step").as_integer();
  if (step < 0 || step > steps || epoch < 1 || epoch > options.epochs + 1 || batch() < 0 ||
      batch() > steps_per_epoch)
    throw FormatError(origin, "is of step " + std::to_string(step) + " in epoch " +
                                  std::to_string(epoch) + ", outside this run of " +
                                  std::to_string(steps) + " steps");
  optimizer.set_counts(need(state, "optimizer_steps"));
  totals.set(need(state, "totals"));
  clock.set(need(state, "seconds"));
  for (const Json& report : need(state, "history").items())
    result.history.push_back(EpochReport::from_json(report));
  std::vector<double> losses;
  for (const EpochReport& report : result.history) losses.push_back(report.held_out_loss);
  // States of before there was one had no averages that need it.
  const Json* saved = state.find("averages");
  averages.set_state(saved != nullptr ? *saved : Json::object(), losses, model);
  result.best_epoch = static_cast<int>(need(state, "best_epoch").as_integer());
  if (result.best_epoch < 0 || result.best_epoch > static_cast<int>(result.history.size()))
    throw FormatError(origin, "its best epoch is not one of its history");
  if (result.best_epoch == 0) return;
  result.held_out = result.history[static_cast<std::size_t>(result.best_epoch - 1)].held_out;
  best = copy_weights(model, at::kCPU);
}

void FitRun::restore(const SavedState& saved) {
  set_state(saved.state, saved.folder);
  copy_in(saved.tensors, tensors());
}

void FitRun::share() {
  const std::string text = world.gather(world.root() ? state().dump() : "").front();
  const char* const origin = "the state of rank 0";
  if (!world.root()) set_state(Json::parse(text, origin), origin);
  const c10::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors()) world.broadcast(in_memory_order(tensor));
}

std::vector<float> running_statistics(const Classifier& model) {
  std::vector<float> statistics;
  for (const auto& [name, buffer] : model.buffers())
    if (name.ends_with("running_mean") || name.ends_with("running_var")) {
      const at::Tensor values = buffer.cpu();
      const float* first = values.data_ptr<float>();
      statistics.insert(statistics.end(), first, first + values.numel());
    }
  return statistics;
}

}  // namespace stockpot
