#include "stockpot/pipeline/joint_training.h"

#include <algorithm>
#include <chrono>

#include "stockpot/base/error.h"
#include "stockpot/base/progress.h"
#include "stockpot/base/signals.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/data_sets.h"
#include "stockpot/pipeline/training_options.h"
#include "stockpot/train/joint.h"
#include "stockpot/train/weights.h"

namespace stockpot {
namespace {

// What rank 0 says to the others: these, or the id of a trial after "train ".
const char* const kWait = "wait";
const char* const kEnd = "end";
const std::string kTrain = "train ";

class Silence : public Progress {
 public:
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

void broadcast_weights(World& world, const Classifier& model) {
  for (const auto& [name, tensor] : named("start", weights_of(model), model))
    world.broadcast(in_memory_order(tensor));
}

template <typename Item>
const Item& find(const std::vector<Item>& items, const std::string& id) {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.id == id; });
  if (found == items.end()) throw UsageError("rank 0 trains " + id + ", which is no run here");
  return *found;
}

// The next trial's id; nothing at the end.
std::optional<std::string> next_trial(World& world) {
  for (;;) {
    const std::string said = world.gather("").front();
    if (said == kEnd) return std::nullopt;
    if (said.starts_with(kTrain)) return said.substr(kTrain.size());
  }
}

void follow(const Recipe& recipe, World& world) {
  Silence silence;
  const ModelFolder folder = ModelFolder::open(recipe.model);
  Classifier pretrained = Classifier::load(folder);
  pretrained.to(device_of(recipe.device, world));
  const Json identity = run_identity(recipe, folder);
  const DataSets data = load_training_data(recipe, silence);
  const std::vector<TrainingRun> runs = plan_runs(recipe, pretrained.has_batchnorm());
  agree_on_runs(world, identity, runs, pretrained, data.train.size());
  const std::vector<Trial> trials = trials_of(recipe, identity, runs);
  while (const std::optional<std::string> id = next_trial(world)) {
    const TrainingRun& run = find(runs, *id);
    Classifier model = pretrained.clone();
    if (run.settings.side_network) model.add_side_network(run.seed);
    model.reset_head(data.train.classes(), run.seed);
    broadcast_weights(world, model);
    FitOptions options = training_options(run.settings, model, data.train.size(), run.seed);
    options.bf16 = recipe.bf16;
    options.checkpoints.identity = find(trials, *id).params;
    try {
      fit(model, data.train, data.held_out, options, {}, world);
    } catch (const Diverged&) {
      // So it did on rank 0, which marks the trial and goes on to the next.
    }
  }
}

}  // namespace

at::Device device_of(const std::string& text, const World& world) {
  return parse_device(
      text == "cuda" && world.size() > 1 ? "cuda:" + std::to_string(world.local_rank()) : text);
}

void agree_on_runs(World& world, const Json& identity, const std::vector<TrainingRun>& runs,
                   const Classifier& pretrained, std::int64_t train_rows) {
  if (world.size() == 1) return;
  agree_on(world, identity);
  for (const TrainingRun& run : runs)
    require_joint(pretrained, training_options(run.settings, pretrained, train_rows, run.seed),
                  world.size());
}

JointTraining::JointTraining(World& world) : world_(world) { keep_waiting(); }

JointTraining::~JointTraining() { stop_waiting(); }

FitResult JointTraining::fit(const std::string& trial, Classifier& model, const ImageDataset& train,
                             const HeldOut& held_out, const FitOptions& options,
                             const FitCallbacks& callbacks) {
  if (world_.size() == 1) return stockpot::fit(model, train, held_out, options, callbacks);
  stop_waiting();
  try {
    world_.gather(kTrain + trial);
    broadcast_weights(world_, model);
    FitResult result = stockpot::fit(model, train, held_out, options, callbacks, world_);
    keep_waiting();
    return result;
  } catch (const Diverged&) {
    keep_waiting();
    throw;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    failure_ = std::current_exception();
    world_.leave(error.what());
    throw Interrupted(error.what());
  }
}

void JointTraining::rethrow() const {
  if (failure_) std::rethrow_exception(failure_);
}

void JointTraining::end() {
  if (world_.size() == 1) return;
  stop_waiting();
  world_.gather(kEnd);
  world_ = World::alone();
}

// A rank that is lost meanwhile is told of by the next call that needs it.
void JointTraining::keep_waiting() {
  if (world_.size() == 1) return;
  waiting_ = true;
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    const auto often = std::chrono::seconds(20);
    while (!changed_.wait_for(lock, often, [this] { return !waiting_; })) {
      try {
        world_.gather(kWait);
      } catch (const std::exception&) {
        return;
      }
    }
  });
}

void JointTraining::stop_waiting() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    waiting_ = false;
  }
  changed_.notify_all();
  thread_.join();
}

void follow_run(const Recipe& recipe, World& world) {
  try {
    follow(recipe, world);
  } catch (const RunError& error) {
    // Asked to stop like rank 0, which has left between two trials.
    if (stop_requested()) throw Interrupted(error.what());
    throw;
  }
}

}  // namespace stockpot
