// A trial of a sweep: one training run, done exactly once whatever happens to who does it.
//
// The folder of a sweep holds one folder a trial, and these are the truth; there is no other
// record of what was done:
//
//   sweep.json                    the list of trials (plan_file.h)
//   runs/<id>/                    a trial, from its first claim on
//     params.json
//     attempts/0001/              who worked on it, one folder after another (attempt.h)
//       claim.json  heartbeat  progress.json  log.txt  outcome.json
//     state/  metrics.jsonl  model/    what the training writes
//     result.json                 appears whole, last and once: the trial is done
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"

namespace stockpot {

struct Trial {
  std::string id;                  // a file name, unique in its sweep
  Json params;                     // what it is trained with: an object
  std::vector<std::string> needs;  // trials that must be done first
  double cost = 1;                 // work compared with other trials, in any unit
};

// Training found a number that is not finite. Thrown by the function that runs trials: the trial
// is marked and never repeated.
class TrialDiverged : public RunError {
 public:
  using RunError::RunError;
};

// This worker cannot do the trial, though another one may: what was begun was saved with other
// threads or by another build, say. Not an attempt at it; the worker goes on with other trials.
class TrialRefused : public UsageError {
 public:
  using UsageError::UsageError;
};

// This process lost its trial: others saw no sign of life for too long. What it was about to
// write is not wanted any more.
class TrialTakenOver : public RunError {
 public:
  using RunError::RunError;
};

}  // namespace stockpot
