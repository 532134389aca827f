// shifts RESULTS...: ID against OOD over many models.
#include "cli/analysis_page.h"
#include "cli/shift_sources.h"
#include "cli/shifts_page.h"
#include "cli/terminal.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {

using namespace landscape;

int run_shifts(const ShiftsArgs& args, const CommandLine& line) {
  check_analysis_place(args.place, "shifts");
  ShiftTable table = read_results(args);
  if (args.place.plan_only) {
    std::vector<std::string> plan = {"models " + std::to_string(table.models.size()),
                                     "ID     " + printable(table.id_set)};
    for (const std::string& set : table.ood_sets) plan.push_back("OOD    " + printable(set));
    print_analysis_plan("shifts", plan, line);
    return 0;
  }
  const AxisScale scale = args.axes == "probit"   ? AxisScale::probit
                          : args.axes == "linear" ? AxisScale::linear
                                                  : AxisScale::logit;
  const ShiftStudy study = study_shifts(std::move(table), scale);
  publish_analysis(args.place, "shifts", to_json(study), shifts_page(study),
                   shifts_text(study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
