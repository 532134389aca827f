// What the function that runs a trial may use of it.
#pragma once

#include <chrono>
#include <string>

#include "stockpot/sweep/claim.h"
#include "stockpot/sweep/trial.h"

namespace stockpot {

class TrialRun {
 public:
  // The claim must outlive this.
  explicit TrialRun(Claim& claim) : claim_(claim) {}

  // runs/<id>: earlier attempts may have left state/ and other files here.
  const fs::path& folder() const { return claim_.trial_folder(); }
  // From 1; attempts that were interrupted or died count too.
  int attempt() const { return claim_.number(); }

  // A line for this attempt's log.txt. Throws WriteError.
  void log(const std::string& line) const;

  // Where the run is, for whoever looks: an object; known are step, steps, epoch, epochs,
  // held_out (0..1) and images_per_second. Written at most once a second (the last one may be
  // lost); a full disk is no error here. When a process dies, an attempt whose "step" came
  // further than those before does not count against the trial.
  void progress(const Json& state);

  // Throws TrialTakenOver when another process has the trial now. Call it before publishing a
  // checkpoint or a model. From any thread.
  void require_still_mine() const { claim_.require_still_mine(); }

 private:
  Claim& claim_;
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace stockpot
