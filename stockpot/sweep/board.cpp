#include "stockpot/sweep/board.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/result.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {
namespace {

double number_or(const Json& json, const char* key, double otherwise) {
  const Json* value = json.find(key);
  return value && value->is_number() ? value->as_number() : otherwise;
}

double share_of(const Json& progress) {
  for (const auto& [now, all] : {std::pair{"step", "steps"}, std::pair{"epoch", "epochs"}}) {
    const double total = number_or(progress, all, 0);
    if (total > 0) return std::clamp(number_or(progress, now, 0) / total, 0.0, 1.0);
  }
  return 0;
}

void read_result(const fs::path& folder, BoardRow& row) {
  try {
    const Json result = Json::read(folder / "result.json");
    row.held_out = held_out_of(result);
    row.seconds = seconds_of(result);
  } catch (const FormatError& error) {
    row.reason = error.what();
  }
}

BoardRow read_row(const fs::path& sweep, const Trial& trial, int retries, const Owner& here) {
  BoardRow row;
  row.id = trial.id;
  row.cost = trial.cost;
  const TrialRecord record = read_trial(trial_folder(sweep, trial.id));
  row.state = own_state(record, retries);
  row.attempts = static_cast<int>(record.attempts.size());
  row.failures = record.failures();
  if (row.state == TrialState::done) {
    read_result(record.folder, row);
  } else if (const Attempt* open = record.open_attempt()) {
    row.owner = open->owner;
    row.progress = read_progress(open->folder);
    row.share = share_of(row.progress);
    if (row.owner) {
      row.owner_gone = is_gone(*row.owner, here);
      row.running_seconds = std::max(
          0.0, static_cast<double>(std::time(nullptr)) - static_cast<double>(row.owner->since));
    }
  } else if (!record.attempts.empty() && !record.attempts.back().forgiven) {
    const Attempt* told = record.divergence();
    if (!told) told = &record.attempts.back();
    row.reason = told->reason;
  }
  return row;
}

void take_needs_into_account(const std::vector<Trial>& trials, Board& board) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < trials.size(); ++i) places[trials[i].id] = i;
  // In rounds: what needs a blocked trial is blocked as well.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      BoardRow& row = board.rows[i];
      std::vector<TrialState> needed;
      for (const std::string& id : trials[i].needs) needed.push_back(board.rows[places[id]].state);
      const TrialState state = state_with(row.state, needed);
      if (state == row.state) continue;
      row.state = state;
      changed = true;
      if (state == TrialState::blocked)
        for (const std::string& id : trials[i].needs)
          if (const TrialState its = board.rows[places[id]].state;
              is_final(its) && its != TrialState::done)
            row.reason = "needs " + id + ", which is " + name_of(its);
    }
  }
}

void count(Board& board) {
  for (std::size_t i = 0; i < board.rows.size(); ++i) {
    const BoardRow& row = board.rows[i];
    switch (row.state) {
      case TrialState::ready:
      case TrialState::waiting:
        ++board.waiting;
        break;
      case TrialState::running:
        ++board.running;
        break;
      case TrialState::done:
        ++board.done;
        break;
      case TrialState::failed:
        ++board.failed;
        break;
      case TrialState::diverged:
        ++board.diverged;
        break;
      case TrialState::blocked:
        ++board.blocked;
        break;
    }
    if (row.held_out && (!board.best || *row.held_out > *board.rows[*board.best].held_out))
      board.best = i;
  }
}

// From the work that is done and the seconds it took: no clock but the runs' own.
void estimate(Board& board) {
  double seconds = 0, cost_done = 0, cost_left = 0;
  int timed = 0;
  for (const BoardRow& row : board.rows) {
    if (row.state == TrialState::done && row.seconds > 0) {
      seconds += row.seconds;
      cost_done += row.cost;
      ++timed;
    } else if (!is_final(row.state)) {
      cost_left += row.cost * (1 - row.share);
    }
  }
  if (timed == 0 || cost_done <= 0 || board.running == 0) return;
  board.trials_per_hour = 3600.0 * board.running * timed / seconds;
  board.seconds_left = cost_left * seconds / cost_done / board.running;
}

}  // namespace

Board scan(const fs::path& sweep, const std::vector<Trial>& trials, int retries,
           const Board* before) {
  const Owner here = this_process();
  Board board;
  board.rows.reserve(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const bool known = before && i < before->rows.size() && before->rows[i].id == trials[i].id &&
                       before->rows[i].state == TrialState::done;
    board.rows.push_back(known ? before->rows[i] : read_row(sweep, trials[i], retries, here));
  }
  take_needs_into_account(trials, board);
  count(board);
  estimate(board);
  return board;
}

}  // namespace stockpot
