#include "stockpot/sweep/trial_run.h"

#include "stockpot/base/pending_file.h"

namespace stockpot {

void TrialRun::log(const std::string& line) const {
  append_line(claim_.folder() / "log.txt", line);
}

void TrialRun::progress(const Json& state) {
  const auto now = std::chrono::steady_clock::now();
  if (written_ != std::chrono::steady_clock::time_point{} &&
      now - written_ < std::chrono::seconds(1))
    return;
  written_ = now;
  try {
    const std::string text = state.dump() + "\n";
    PendingFile file(claim_.folder() / "progress.json");
    file.append(std::as_bytes(std::span(text)));
    file.publish(text.size(), /*sync=*/false);
  } catch (const WriteError&) {
    // Only for whoever looks on; what matters meets the full disk itself.
  }
}

}  // namespace stockpot
