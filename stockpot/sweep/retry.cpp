#include "stockpot/sweep/retry.h"

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/state.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {
namespace {

bool was_given_up(TrialState state) {
  return state == TrialState::failed || state == TrialState::diverged;
}

void forgive(const TrialRecord& trial) {
  const Attempt* diverged = trial.divergence();
  std::error_code error;
  if (diverged && fs::exists(trial.folder / "state", error)) {
    fs::rename(trial.folder / "state", diverged->folder / "state", error);
    if (error) throw WriteError(trial.folder / "state", "move", error.value());
  }
  for (const Attempt& attempt : trial.attempts)
    if (attempt.counts && !attempt.forgiven) write_file(attempt.folder / "forgiven", "");
}

}  // namespace

std::vector<std::string> put_back(const fs::path& sweep, const SweepPlan& plan,
                                  const std::vector<std::string>& ids) {
  std::vector<TrialRecord> chosen;
  std::vector<std::string> known;
  for (const Trial& trial : plan.trials) known.push_back(trial.id);
  for (const std::string& id : ids) {
    if (std::find(known.begin(), known.end(), id) != known.end()) continue;
    const std::string near = nearest(id, known);
    throw UsageError("there is no trial " + printable(id) +
                     (near.empty() ? "" : "; did you mean " + near + "?"));
  }
  std::vector<std::string> names;
  for (const Trial& trial : plan.trials) {
    const bool asked = std::find(ids.begin(), ids.end(), trial.id) != ids.end();
    if (!ids.empty() && !asked) continue;
    TrialRecord record = read_trial(trial_folder(sweep, trial.id));
    const TrialState state = own_state(record, plan.retries);
    if (was_given_up(state)) {
      chosen.push_back(std::move(record));
      names.push_back(trial.id);
    } else if (asked) {
      throw UsageError("trial " + trial.id + " is " + name_of(state) +
                       "; only failed and diverged trials are put back");
    }
  }
  for (const TrialRecord& record : chosen) forgive(record);
  return names;
}

}  // namespace stockpot
