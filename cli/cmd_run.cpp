#include <iostream>

#include "cli/commands.h"
#include "cli/run_output.h"
#include "cli/summary.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/joint_training.h"
#include "stockpot/pipeline/run.h"

namespace stockpot::cli {
namespace {

// The demo's recipe lies in share/stockpot/demo beside the folder of the programs, in the
// build tree as after `cmake --install`.
fs::path demo_recipe() {
  const fs::path programs = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path recipe = programs.parent_path() / "share" / "stockpot" / "demo" / "demo.yaml";
  if (!fs::exists(recipe))
    throw UsageError("the demo's data is missing: " + printable(recipe.string()));
  return recipe;
}

}  // namespace

int run_and_print(Recipe recipe, const fs::path& out, bool plan_only, const CommandLine& line) {
  if (line.device) recipe.device = *line.device;
  if (line.bf16) recipe.bf16 = true;
  if (line.threads == 0 && recipe.threads > 0) {
    set_threads(static_cast<int>(recipe.threads));
    set_torch_threads(threads());
  }
  const LaunchVariables launched = launch_variables();
  if (plan_only && launched.rank > 0) return 0;
  World world = World::alone();
  if (!plan_only) world = World::join(launched, {.gpu = recipe.device.starts_with("cuda")});
  TerminalProgress progress(line.quiet);
  RunReport report;
  try {
    if (!world.root()) {
      follow_run(recipe, world);
      return 0;
    }
    report = run_recipe(recipe, out, plan_only, progress, world);
  } catch (const std::exception& error) {
    world.leave(error.what());
    throw;
  }
  if (plan_only) return 0;
  if (line.json) {
    std::cout << to_json(report).dump(2) << "\n";
  } else {
    std::cout << "\n"
              << summary(report, line) << "\nreport: " << printable((out / "report.html").string())
              << "  (" << human_duration(report.seconds) << ")\n";
  }
  if (report.lost.empty()) return 0;
  std::cerr << "stockpot: finished without " << printable(report.lost.front());
  if (report.lost.size() > 1) std::cerr << " (and " << report.lost.size() - 1 << " more)";
  std::cerr << "\n";
  return 5;
}

int cmd_run(const RunArgs& args, const CommandLine& line) {
  Recipe recipe = Recipe::read(args.demo ? demo_recipe() : args.recipe, args.overrides);
  if (args.seed) recipe.seed = recipe.search_seed = *args.seed;
  if (args.seeds) recipe.seeds = *args.seeds;
  if (!args.feature_cache.empty()) recipe.feature_cache = args.feature_cache;
  return run_and_print(std::move(recipe), args.out, args.plan_only, line);
}

}  // namespace stockpot::cli
