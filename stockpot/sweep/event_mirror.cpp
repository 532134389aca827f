#include "stockpot/sweep/event_mirror.h"

#include <cmath>

#include "stockpot/sweep/json_lines.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {

std::pair<std::int64_t, Scalars> scalars_of(const Json& record, std::int64_t line) {
  std::int64_t step = line;
  for (const char* key : {"epoch", "step"})  // the last one found counts
    if (const Json* value = record.find(key); value && value->is_integer())
      step = value->as_integer();
  Scalars scalars;
  for (const auto& [key, value] : record.members())
    if (value.is_number() && key != "step" && key != "epoch")
      scalars.emplace_back(key, value.as_number());
  return {step, scalars};
}

EventMirror::EventMirror(fs::path sweep, fs::path logs, std::function<double()> wall_time)
    : sweep_(std::move(sweep)), logs_(std::move(logs)), wall_time_(std::move(wall_time)) {}

void EventMirror::update(const std::vector<Trial>& trials) {
  for (const Trial& trial : trials) update(trial, trials_[trial.id]);
}

void EventMirror::update(const Trial& trial, Mirrored& mirrored) {
  const fs::path log = trial_folder(sweep_, trial.id) / "metrics.jsonl";
  std::error_code error;
  const std::uintmax_t size = fs::file_size(log, error);
  if (error || size == mirrored.bytes) return;
  JsonLines all = read_json_lines(log);
  if (all.records.empty()) return;
  const auto known = static_cast<std::size_t>(mirrored.lines);
  const bool grown =
      known > 0 && all.records.size() >= known && all.records[known - 1].dump() == mirrored.last;
  const std::size_t begin = grown ? known : 0;
  if (!grown) {
    mirrored.file.emplace(logs_ / trial.id, wall_time_());
    mirrored.file->add(restart_event(wall_time_(), 0));
  }
  for (std::size_t i = begin; i < all.records.size(); ++i) {
    const auto [step, scalars] = scalars_of(all.records[i], static_cast<std::int64_t>(i) + 1);
    mirrored.file->add(scalar_event(wall_time_(), step, scalars));
  }
  mirrored.bytes = all.torn ? 0 : all.end;
  mirrored.lines = static_cast<std::int64_t>(all.records.size());
  mirrored.last = all.records.back().dump();
}

}  // namespace stockpot
