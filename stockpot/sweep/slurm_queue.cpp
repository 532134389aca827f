#include "stockpot/sweep/slurm_queue.h"

#include <charconv>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/child.h"

namespace stockpot {
namespace {

std::optional<std::size_t> parse_index(const std::string& text) {
  std::size_t index = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), index);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return index;
}

}  // namespace

std::string submit_batch(const fs::path& script) {
  const CommandOutput sbatch = output_of({"sbatch", "--parsable", script.string()});
  // "17", or "17;cluster" where there are several clusters.
  const std::string job = split(std::string(trim(sbatch.out)), ';').front();
  if (sbatch.status != 0 || !parse_index(job))
    throw UsageError("sbatch refused " + printable(script.string()) + ": " +
                     printable(trim(sbatch.err.empty() ? sbatch.out : sbatch.err)));
  return job;
}

std::optional<std::vector<QueuedTask>> queued_tasks() {
  const CommandOutput squeue =
      output_of({"squeue", "--me", "--noheader", "--array", "--format=%F|%K|%T|%r"});
  if (squeue.status != 0) return std::nullopt;
  std::vector<QueuedTask> tasks;
  for (const std::string& line : split(squeue.out, '\n')) {
    const std::vector<std::string> fields = split(line, '|');
    if (fields.size() != 4) continue;
    if (const auto index = parse_index(fields[1]))
      tasks.push_back({fields[0], *index, fields[2], fields[3]});
  }
  return tasks;
}

std::string state_of_task(const std::string& job, std::size_t index) {
  const CommandOutput scontrol =
      output_of({"scontrol", "show", "job", "--oneliner", job + "_" + std::to_string(index)});
  constexpr std::string_view kName = "JobState=";
  const std::size_t begin = scontrol.out.find(kName);
  if (scontrol.status != 0 || begin == std::string::npos) return "";
  const std::size_t value = begin + kName.size();
  return scontrol.out.substr(value, scontrol.out.find(' ', value) - value);
}

std::string requeue(const std::string& task) {
  const CommandOutput scontrol = output_of({"scontrol", "requeue", task});
  return scontrol.status == 0 ? "" : printable(trim(scontrol.err));
}

}  // namespace stockpot
