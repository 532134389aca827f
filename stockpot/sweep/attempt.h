// What was tried for a trial, as the folders say. Attempts are numbered from 1; the next one may
// be claimed when the last one has ended, by creating its claim.json, which only one process can
// (O_CREAT|O_EXCL). An attempt ends by outcome.json, which appears once: written by its owner, or
// by whoever found that the owner is gone. Since numbers are never used again, a process that is
// late cannot take what another one has just claimed, and a process that was thought dead sees
// that its own attempt has ended.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/sweep/owner.h"

namespace stockpot {

enum class Ending {
  none,         // at work, or its owner died and nobody noticed yet
  interrupted,  // asked to stop, or its disk was full: no fault of the trial
  failed,       // an error
  died,         // its process vanished
  diverged,     // numbers that are not finite
};

struct Attempt {
  int number = 0;
  fs::path folder;
  std::optional<Owner> owner;  // nothing when the claim is torn
  Ending ending = Ending::none;
  std::string reason;
  bool counts = false;    // against the trial's retries
  bool forgiven = false;  // put back by the user
};

struct TrialRecord {
  fs::path folder;
  bool done = false;
  std::vector<Attempt> attempts;  // by number

  // The last attempt when it has not ended.
  const Attempt* open_attempt() const;
  // Attempts that count against the retries and were not forgiven.
  int failures() const;
  // The attempt that diverged, unless forgiven.
  const Attempt* divergence() const;
};

// Reads runs/<id>; an absent folder is a trial nobody has begun. Torn files count as absent.
TrialRecord read_trial(const fs::path& folder);

fs::path attempt_folder(const fs::path& trial_folder, int number);

// Ends an attempt unless it has ended already; then false. Throws WriteError.
bool end_attempt(const fs::path& attempt_folder, Ending ending, const std::string& reason,
                 bool counts);

// What the owner of an attempt last said about its progress; null when nothing.
Json read_progress(const fs::path& attempt_folder);

// True when an attempt that died had come further than every attempt before it, as its progress
// says in "step": then dying is no reason to give the trial up.
bool went_further(const TrialRecord& trial, const Attempt& attempt);

// "failed", for files and tables.
const char* name_of(Ending ending);

}  // namespace stockpot
