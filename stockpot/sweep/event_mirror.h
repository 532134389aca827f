// The metrics.jsonl of every trial, shown as event files for TensorBoard while they grow.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/sweep/event_file.h"
#include "stockpot/sweep/trial.h"

namespace stockpot {

// Numbers of a record as scalars, and where they belong: "step", else "epoch", else the number of
// the line. Booleans and texts are left out.
std::pair<std::int64_t, Scalars> scalars_of(const Json& record, std::int64_t line);

class EventMirror {
 public:
  // Writes to `logs`/<id>/. `wall_time` tells the time that events carry.
  EventMirror(fs::path sweep, fs::path logs, std::function<double()> wall_time);

  // Adds what has been appended since the last call; a log that was cut back, because its run was
  // continued from an earlier step, makes what came after that step void. Event files that an
  // earlier process made are taken to hold nothing: the whole log is written again into a new
  // file that voids them. Throws WriteError, FormatError for a log that is damaged.
  void update(const std::vector<Trial>& trials);

 private:
  struct Mirrored {
    std::optional<EventFile> file;
    std::uint64_t bytes = 0;  // of the log, mirrored so far
    std::int64_t lines = 0;
    std::string last;  // line, to see whether the log was cut and grew again
  };
  void update(const Trial& trial, Mirrored& mirrored);

  fs::path sweep_, logs_;
  std::function<double()> wall_time_;
  std::map<std::string, Mirrored> trials_;
};

}  // namespace stockpot
