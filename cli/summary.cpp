#include "cli/summary.h"

#include "cli/terminal.h"
#include "stockpot/report/findings.h"

namespace stockpot::cli {

std::string summary(const RunReport& report, const CommandLine& line) {
  std::string text = terminal_table(report, terminal_width(), use_colour(line.color)) + "\n";
  for (const std::string& sentence : findings(report, result_table(report)))
    text += "- " + sentence + "\n";
  if (const std::string probe = probe_path_line(report); !probe.empty())
    text += "- " + probe + "\n";
  return text;
}

}  // namespace stockpot::cli
