#include <iostream>

#include "cli/commands.h"
#include "cli/summary.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/report/run_report.h"

namespace stockpot::cli {

int cmd_report(const ReportArgs& args, const CommandLine& line) {
  const fs::path file = results_file(args.run);
  const Json json = Json::read(file);
  const RunReport report = report_from_json(json, file);
  const fs::path output = args.output.empty() ? args.run / "report.html" : args.output;
  write_file(output, html_report(report, attached_pages(args.run)));
  if (line.json)
    std::cout << json.dump(2) << "\n";
  else
    std::cout << summary(report, line) << "\nreport: " << printable(output.string()) << "\n";
  return 0;
}

}  // namespace stockpot::cli
