// Which process works on a trial, in a form that other machines can read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "stockpot/base/json.h"

namespace stockpot {

struct Owner {
  std::string host;
  std::int64_t pid = 0;
  // Where and when the number means this process: the boot of the machine, the namespace of
  // process numbers, the start of the process in ticks since that boot.
  std::string boot, pid_space, started;
  std::string job;           // of the cluster, "" without one
  std::int64_t restart = 0;  // how often the cluster began that job again
  std::string nonce;         // of one claim
  std::int64_t since = 0;    // Unix time, to show and never to compare
  double beat_seconds = 0;   // how often the owner gives a sign of life

  Json to_json() const;
  // Nothing when the text is torn or lacks a member.
  static std::optional<Owner> parse(const std::string& text);
  // "node7 process 1234, job 17".
  std::string describe() const;
};

// This process, with a new nonce. The job is read from SLURM_JOB_ID and SLURM_RESTART_COUNT.
Owner this_process();

// True when `owner` cannot be at work any more, as `here` (this process) can tell without
// waiting: its process is gone from this machine, or the cluster began its job again as ours.
bool is_gone(const Owner& owner, const Owner& here);

}  // namespace stockpot
