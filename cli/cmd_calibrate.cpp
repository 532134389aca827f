// calibrate MODELS|LOGITS: temperatures from held-out data, and what they change elsewhere.
#include <numeric>

#include "cli/analysis_page.h"
#include "cli/calibration_page.h"
#include "cli/logits_table.h"
#include "cli/merge_work.h"
#include "cli/mix_args.h"
#include "cli/named_sets.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/landscape/words.h"
#include "stockpot/model/runtime.h"
#include "stockpot/soup/logit_ensemble.h"

namespace stockpot::cli {
namespace {

// `on`: the model's logits by set.
CalibratedModel calibrated(const std::string& name, const LogitsTable& table, int bins,
                           const std::function<Predictions(std::size_t set)>& on) {
  CalibratedModel model;
  model.name = model.label = name;
  model.temperature = fit_temperature(on(table.held_out));
  for (std::size_t set = 0; set < table.sets.size(); ++set) {
    const Predictions predictions = on(set);
    model.sets.push_back({table.sets[set].name, table.sets[set].role, accuracy(predictions),
                          calibration_score(predictions, bins),
                          calibration_score(predictions, bins, model.temperature.value)});
  }
  return model;
}

CalibratedModel calibrated_soup(const CalibrateArgs& args, const LogitsTable& table,
                                const CommandLine& line, Progress& progress) {
  if (!table.models) throw UsageError("--soup needs folders of models: logits cannot be averaged");
  MixtureOptions options;
  options.device = parse_device(line.device.value_or("cpu"));
  options.bf16 = line.bf16;
  options.batchnorm = batchnorm_policy(args.sets.batchnorm);
  if (options.batchnorm == BatchNormPolicy::recompute)
    options.pictures = &table.models->sets().front().set;
  Mixtures mixtures(args.models, table.models->sets(), options, progress);
  const std::vector<double> equal(args.models.size(), 1 / static_cast<double>(args.models.size()));
  return calibrated("soup of " + std::to_string(args.models.size()), table,
                    static_cast<int>(args.bins),
                    [&](std::size_t set) { return mixtures.on(equal, set); });
}

}  // namespace

int cmd_calibrate(const CalibrateArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  check_analysis_place(args.place, "calibration");
  if (args.place.plan_only) {
    std::vector<std::string> lines = {"calibrate " + std::to_string(args.models.size()) +
                                      " models, " + std::to_string(args.bins) + " bins"};
    for (const std::string& text : set_lines(args.sets)) lines.push_back(text);
    print_analysis_plan("calibrate", lines, line);
    return 0;
  }
  const LogitsTable table = logits_table(args.models, args.sets, args.logits, line, progress);
  CalibrationStudy study;
  study.bins = static_cast<int>(args.bins);
  for (std::size_t i = 0; i < table.names.size(); ++i)
    study.models.push_back(calibrated(table.names[i], table, study.bins,
                                      [&](std::size_t set) { return table.on(i, set); }));
  const std::vector<std::string> labels = landscape::model_names(args.models);
  for (std::size_t i = 0; i < labels.size(); ++i) study.models[i].label = labels[i];
  if (args.ensemble) {
    std::vector<std::size_t> all(table.names.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    study.models.push_back(calibrated(
        "ensemble of " + std::to_string(all.size()), table, study.bins, [&](std::size_t set) {
          return ensemble_logits(all, [&](std::size_t i) { return table.on(i, set); });
        }));
  }
  if (args.soup) study.models.push_back(calibrated_soup(args, table, line, progress));
  publish_analysis(args.place, "calibration", to_json(study), calibration_page(study),
                   calibration_text(study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
