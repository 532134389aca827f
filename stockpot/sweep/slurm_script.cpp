// The text of a batch script.
#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/slurm.h"

namespace stockpot {
namespace {

// For bash: nothing inside single quotes means anything.
std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

void require_one_line(const std::string& text) {
  if (text.find_first_of("\n\r") != std::string::npos || text.find('\0') != std::string::npos)
    throw UsageError("'" + printable(text) + "' cannot stand in a batch script: it has a line end");
}

// A value behind #SBATCH, where sbatch splits words and knows double quotes.
std::string directive_value(const std::string& text) {
  require_one_line(text);
  if (text.find_first_of("\"\\%") != std::string::npos)
    throw UsageError("'" + printable(text) +
                     "' cannot stand behind #SBATCH: '\"', '\\' and '%' mean something there");
  return text.find_first_of(" \t#;'") == std::string::npos ? text : "\"" + text + "\"";
}

}  // namespace

std::string array_text(std::vector<std::size_t> indices) {
  std::sort(indices.begin(), indices.end());
  std::string text;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(indices[i]);
    if (last > i) text += "-" + std::to_string(indices[last]);
    i = last + 1;
  }
  return text;
}

std::string slurm_script(const fs::path& sweep, const SlurmOptions& options,
                         const std::vector<std::size_t>& indices) {
  std::string text = "#!/bin/bash\n";
  const auto add = [&](const std::string& line) { text += "#SBATCH " + line + "\n"; };
  add("--job-name=" + directive_value(options.job_name));
  add("--array=" + array_text(indices) +
      (options.at_once > 0 ? "%" + std::to_string(options.at_once) : ""));
  add("--requeue");
  add("--open-mode=append");
  // To the batch process itself, which is the worker: without B: only job steps are signalled.
  add("--signal=B:USR1@" + std::to_string(options.signal_seconds));
  const std::string logs = directive_value((fs::absolute(sweep) / "slurm").string());
  const bool has_quotes = logs.front() == '"';
  add("--output=" + (has_quotes ? logs.substr(0, logs.size() - 1) : logs) + "/%A_%a.log" +
      (has_quotes ? "\"" : ""));
  if (!options.partition.empty()) add("--partition=" + directive_value(options.partition));
  if (!options.time_limit.empty()) add("--time=" + directive_value(options.time_limit));
  if (!options.memory.empty()) add("--mem=" + directive_value(options.memory));
  if (options.cpus > 0) add("--cpus-per-task=" + std::to_string(options.cpus));
  for (const std::string& line : options.lines) {
    require_one_line(line);
    add(line);
  }
  // The signal may come before the worker is ready for it.
  text += "trap '' USR1\nexec";
  for (const std::string& word : options.command) {
    require_one_line(word);
    text += " " + quoted(word);
  }
  return text + " --index \"$SLURM_ARRAY_TASK_ID\"\n";
}

}  // namespace stockpot
