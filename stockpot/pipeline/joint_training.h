// One `stockpot run` by several processes that a launcher started: they train each model together,
// one after another. Rank 0 has the folder, takes the trials and does everything else; the others
// wait for what it says.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stockpot/parallel/world.h"
#include "stockpot/recipe/trials.h"
#include "stockpot/train/fit.h"

namespace stockpot {

// `text` as parse_device() takes it; "cuda" is each rank's own.
at::Device device_of(const std::string& text, const World& world);

// What has to be the same on all ranks and can be trained by them. Called by every rank; throws
// UsageError. For a world of one it does nothing.
void agree_on_runs(World& world, const Json& identity, const std::vector<TrainingRun>& runs,
                   const Classifier& pretrained, std::int64_t train_rows);

// Rank 0's side. Between the trials, however long that takes, a thread of its own keeps the others
// waiting. With a world of one nothing happens but fit().
class JointTraining {
 public:
  explicit JointTraining(World& world);
  ~JointTraining();
  JointTraining(const JointTraining&) = delete;

  // fit() on all ranks, from the weights of `model` here. Throws Diverged as fit() does. Any other
  // failure ends the run: it is kept for rethrow(), and Interrupted is thrown, so that the trial is
  // given back to be continued.
  FitResult fit(const std::string& trial, Classifier& model, const ImageDataset& train,
                const HeldOut& held_out, const FitOptions& options, const FitCallbacks& callbacks);

  // Why the ranks cannot go on, when that is so.
  void rethrow() const;
  // Lets the others go.
  void end();

 private:
  void keep_waiting();
  void stop_waiting();

  World& world_;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool waiting_ = false;
  std::thread thread_;
};

// The other ranks' side of run_recipe(): returns when all is trained. Writes nothing. Throws what
// ends the run.
void follow_run(const Recipe& recipe, World& world);

}  // namespace stockpot
