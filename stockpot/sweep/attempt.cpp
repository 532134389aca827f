#include "stockpot/sweep/attempt.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "stockpot/base/error.h"
#include "stockpot/sweep/once.h"

namespace stockpot {
namespace {

constexpr std::uint64_t kLargestSmallFile = 1 << 20;
constexpr std::array<const char*, 5> kEndings{"none", "interrupted", "failed", "died", "diverged"};

// Null when the file is absent, torn or unreadable.
Json read_or_null(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  try {
    return Json::parse(read_file(file, kLargestSmallFile), file);
  } catch (const FormatError&) {
    return {};
  }
}

void read_outcome(Attempt& attempt) {
  std::error_code error;
  const fs::path file = attempt.folder / "outcome.json";
  if (!fs::exists(file, error)) return;
  attempt.forgiven = fs::exists(attempt.folder / "forgiven", error);
  const Json outcome = read_or_null(file);
  const Json* ending = outcome.find("ending");
  const auto found = ending && ending->is_string()
                         ? std::find(kEndings.begin(), kEndings.end(), ending->as_string())
                         : kEndings.end();
  if (found == kEndings.end()) {
    attempt.ending = Ending::died;
    attempt.reason = "its outcome.json is damaged";
    attempt.counts = true;
    return;
  }
  attempt.ending = static_cast<Ending>(found - kEndings.begin());
  if (const Json* reason = outcome.find("reason"); reason && reason->is_string())
    attempt.reason = reason->as_string();
  if (const Json* counts = outcome.find("counts"); counts && counts->is_bool())
    attempt.counts = counts->as_bool();
}

double step_of(const Json& progress) {
  const Json* step = progress.find("step");
  return step && step->is_number() ? step->as_number() : 0;
}

}  // namespace

const char* name_of(Ending ending) { return kEndings[static_cast<std::size_t>(ending)]; }

const Attempt* TrialRecord::open_attempt() const {
  return !attempts.empty() && attempts.back().ending == Ending::none ? &attempts.back() : nullptr;
}

int TrialRecord::failures() const {
  return static_cast<int>(
      std::count_if(attempts.begin(), attempts.end(),
                    [](const Attempt& attempt) { return attempt.counts && !attempt.forgiven; }));
}

const Attempt* TrialRecord::divergence() const {
  for (const Attempt& attempt : attempts)
    if (attempt.ending == Ending::diverged && !attempt.forgiven) return &attempt;
  return nullptr;
}

fs::path attempt_folder(const fs::path& trial_folder, int number) {
  char name[16];
  std::snprintf(name, sizeof name, "%04d", number);
  return trial_folder / "attempts" / name;
}

TrialRecord read_trial(const fs::path& folder) {
  TrialRecord trial;
  trial.folder = folder;
  std::error_code error;
  trial.done = fs::exists(folder / "result.json", error);
  for (int number = 1;; ++number) {
    Attempt attempt;
    attempt.number = number;
    attempt.folder = attempt_folder(folder, number);
    const fs::path claim = attempt.folder / "claim.json";
    if (!fs::exists(claim, error)) return trial;
    try {
      attempt.owner = Owner::parse(read_file(claim, kLargestSmallFile));
    } catch (const FormatError&) {  // as good as torn
    }
    read_outcome(attempt);
    trial.attempts.push_back(std::move(attempt));
  }
}

bool end_attempt(const fs::path& attempt_folder, Ending ending, const std::string& reason,
                 bool counts) {
  const Json outcome = Json::object(
      {{"schema_version", 1}, {"ending", name_of(ending)}, {"reason", reason}, {"counts", counts}});
  const fs::path staging = attempt_folder / ("outcome.json." + this_process().nonce);
  return publish_once(staging, attempt_folder / "outcome.json", outcome.dump(2) + "\n");
}

Json read_progress(const fs::path& attempt_folder) {
  return read_or_null(attempt_folder / "progress.json");
}

bool went_further(const TrialRecord& trial, const Attempt& attempt) {
  double before = 0;
  for (const Attempt& other : trial.attempts)
    if (other.number < attempt.number)
      before = std::max(before, step_of(read_progress(other.folder)));
  return step_of(read_progress(attempt.folder)) > before;
}

}  // namespace stockpot
