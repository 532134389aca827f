// angles MODELS --base BASE, without sets: norms and angles of task vectors.
#include "cli/analysis_page.h"
#include "cli/angles_page.h"
#include "cli/look_commands.h"
#include "cli/terminal.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {

using namespace landscape;

int run_angles(const AnglesArgs& args, const CommandLine& line) {
  use_threads(line);
  check_analysis_place(args.place, "angles");
  TerminalProgress progress(line.quiet);
  std::vector<Checkpoint> models;
  for (const fs::path& path : args.models) models.push_back(Checkpoint::open(path));
  const Checkpoint base = Checkpoint::open(args.base);
  if (args.place.plan_only) {
    std::uint64_t bytes = base.bytes();
    for (const Checkpoint& model : models) bytes += model.bytes();
    print_analysis_plan("angles",
                        {"models " + std::to_string(models.size()) + " and their base",
                         "read   " + human_bytes(bytes) + ", once"},
                        line);
    return 0;
  }
  AngleOptions options;
  options.head = !args.no_head;
  const TaskAngles angles = task_angles(models, base, options, progress);
  publish_analysis(args.place, "angles", to_json(angles, nullptr), angles_page(angles, nullptr),
                   angles_text(angles, nullptr, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
