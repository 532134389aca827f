#include "stockpot/sweep/state.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace stockpot {

const char* name_of(TrialState state) {
  switch (state) {
    case TrialState::ready:
    case TrialState::waiting:
      return "waiting";
    case TrialState::running:
      return "running";
    case TrialState::done:
      return "done";
    case TrialState::failed:
      return "failed";
    case TrialState::diverged:
      return "diverged";
    case TrialState::blocked:
      return "blocked";
  }
  return "?";
}

bool is_final(TrialState state) {
  return state == TrialState::done || state == TrialState::failed ||
         state == TrialState::diverged || state == TrialState::blocked;
}

TrialState own_state(const TrialRecord& trial, int retries) {
  if (trial.done) return TrialState::done;
  if (trial.open_attempt()) return TrialState::running;
  if (trial.divergence()) return TrialState::diverged;
  return trial.failures() > retries ? TrialState::failed : TrialState::ready;
}

TrialState state_with(TrialState own, const std::vector<TrialState>& needed) {
  if (own != TrialState::ready) return own;
  for (const TrialState state : needed)
    if (is_final(state) && state != TrialState::done) return TrialState::blocked;
  for (const TrialState state : needed)
    if (state != TrialState::done) return TrialState::waiting;
  return own;
}

std::vector<std::size_t> working_order(const std::vector<Trial>& trials) {
  std::set<std::string> needed;
  for (const Trial& trial : trials) needed.insert(trial.needs.begin(), trial.needs.end());
  std::vector<std::size_t> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const bool first = needed.contains(trials[a].id), second = needed.contains(trials[b].id);
    return first != second ? first : trials[a].cost > trials[b].cost;
  });
  return order;
}

}  // namespace stockpot
