// When a run saves its state, and where it goes on from. On several ranks only rank 0 writes, and
// all of them call the same functions at the same steps.
#pragma once

#include <chrono>
#include <optional>

#include "stockpot/train/fit_run.h"
#include "stockpot/train/state_writer.h"

namespace stockpot {

class Checkpoints {
 public:
  // Does nothing at all when options.folder is empty.
  Checkpoints(const CheckpointOptions& options, Json identity, World& world);

  // Puts the last saved state into the run of every rank; false when there is none.
  bool resume(FitRun& run);

  // Between two steps: whether it is time to save, or somebody asked to save or stop, on whatever
  // rank. Throws what the last save threw.
  bool due(const FitRun& run);
  // Saves while training goes on; when asked to stop, as stop().
  void save(const FitRun& run);
  // Saves, waits for the disk and throws Interrupted, whose message starts with `what`.
  [[noreturn]] void stop(const FitRun& run, const std::string& what);

  // Leaves diverged.json beside the last good state.
  void record(const Divergence& divergence) const;
  // The run reached its end.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void start_saving(const FitRun& run);
  enum Wanted { nothing, state, stopping };
  Wanted wanted(const FitRun& run);

  CheckpointOptions options_;
  World& world_;
  Wanted wanted_ = nothing;  // by any rank, before this step
  std::optional<StateFolder> folder_;
  std::optional<StateWriter> writer_;
  Clock::time_point last_ = Clock::now();
  std::int64_t start_ = 0;  // steps made before this call
  std::uint32_t requests_;
};

}  // namespace stockpot
