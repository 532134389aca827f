#include "cli/analysis_flags.h"

namespace stockpot::cli {

void add_set_flags(CLI::App& app, AnalysisSets& sets, const std::string& held_out) {
  app.add_option(
      "--recipe", sets.recipe,
      "Held-out and test sets of this recipe, run or sweep; sets named beside it come on "
      "top");
  app.add_option("--val", sets.held_out, held_out);
  app.add_option("--id", sets.id, "ID test set (a source)");
  app.add_option("--ood", sets.ood, "OOD test set: NAME=SOURCE; repeat for more sets");
  app.add_flag("--skip-bad", sets.skip_unreadable, "Leave out unreadable pictures (counted)");
}

void add_batchnorm_flag(CLI::App& app, AnalysisSets& sets, const std::string& pictures) {
  app.add_option("--bn", sets.batchnorm,
                 "BatchNorm's statistics of a mean of models: variance, average, keep or recompute "
                 "(on " +
                     pictures + ")")
      ->check(CLI::IsMember({"variance", "average", "keep", "recompute"}));
}

void add_place_flag(CLI::App& app, AnalysisPlace& place, const std::string& name,
                    const std::string& flag, const std::string& note) {
  app.add_option(flag, place.out, "Folder for " + name + ".json and " + name + ".html" + note);
}

void add_rerun_flags(CLI::App& app, AnalysisPlace& place) {
  app.add_flag("--overwrite", place.overwrite, "Replace these files");
  app.add_flag("--dry-run,--plan", place.plan_only, "Print the plan and stop");
}

}  // namespace stockpot::cli
