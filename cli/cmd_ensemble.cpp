// ensemble MODELS: mean logits of all and of the greedily chosen, beside soups of the same members.
#include <numeric>

#include "cli/analysis_page.h"
#include "cli/ensemble_page.h"
#include "cli/logits_table.h"
#include "cli/merge_work.h"
#include "cli/mix_args.h"
#include "cli/named_sets.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/metrics/calibration.h"
#include "stockpot/metrics/picture_mean.h"
#include "stockpot/model/runtime.h"
#include "stockpot/soup/logit_ensemble.h"

namespace stockpot::cli {
namespace {

using Members = std::vector<std::size_t>;

EnsembleStudy greedy_study(const EnsembleArgs& args, const LogitsTable& table, Progress& progress) {
  EnsembleStudy study;
  study.models = table.names;
  for (const LogitsTable::Set& set : table.sets) study.sets.push_back({set.name, set.role});
  std::vector<Candidate> candidates;
  WalkOptions options;
  if (args.accept == "strict") options.rule.accept = Accept::strict;
  for (std::size_t i = 0; i < table.names.size(); ++i) {
    const Predictions held_out = table.on(i, table.held_out);
    if (i == 0) options.pictures = pictures_of(held_out.ids);
    study.alone.push_back(evaluation_of(MetricKind::accuracy, held_out));
    candidates.push_back({table.names[i], study.alone.back()});
    progress.say(printable(table.names[i]) + ": " + fixed(100 * study.alone.back().value, 2) +
                 " % held-out (" + std::to_string(i + 1) + " of " +
                 std::to_string(table.names.size()) + ")");
  }
  LogitEnsemble ensemble([&](std::size_t i) { return table.on(i, table.held_out); },
                         MetricKind::accuracy);
  study.greedy = walk_forward(candidates, order_by_score(candidates, options.rule),
                              std::ref(ensemble), options);
  return study;
}

// Adds a row; `on`: its logits by set, `best`: which rows the best single model gets right; the
// first row's.
void add_row(EnsembleStudy& study, const std::string& name, const Members& members, int passes,
             std::vector<RightRows>& best, const std::function<Predictions(std::size_t set)>& on) {
  EnsembleRow row{name, members, passes, {}};
  const bool first = best.empty();
  for (std::size_t set = 0; set < study.sets.size(); ++set) {
    const Predictions predictions = on(set);
    const RightRows right(predictions);
    if (first) best.push_back(right);
    const Pictures pictures = pictures_of(predictions.ids);
    PictureMean mean;
    mean.add(right, pictures);
    const Accuracy counts = accuracy(predictions);
    row.scores.push_back({counts, negative_log_likelihood(predictions),
                          reliability(predictions, BinKind::mass).expected_error,
                          paired_test(best[set], right, pictures),
                          mean.interval().value_or(wilson_interval(counts))});
  }
  study.rows.push_back(std::move(row));
}

void add_rows(EnsembleStudy& study, const EnsembleArgs& args, const LogitsTable& table,
              const CommandLine& line, Progress& progress) {
  Members all(table.names.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const Members& greedy = study.greedy.ingredients;
  std::vector<RightRows> best;
  const auto mean_of = [&](const Members& members) {
    return [&, members](std::size_t set) {
      return ensemble_logits(members, [&](std::size_t i) { return table.on(i, set); });
    };
  };
  const auto passes = [](const Members& members) { return static_cast<int>(members.size()); };
  add_row(study, "best on held-out", {greedy.front()}, 1, best, mean_of({greedy.front()}));
  add_row(study, "ensemble of all", all, passes(all), best, mean_of(all));
  add_row(study, "greedy ensemble", greedy, passes(greedy), best, mean_of(greedy));
  if (!args.soup) return;
  MixtureOptions options;
  options.device = parse_device(line.device.value_or("cpu"));
  options.bf16 = line.bf16;
  options.batchnorm = batchnorm_policy(args.sets.batchnorm);
  if (options.batchnorm == BatchNormPolicy::recompute)
    options.pictures = &table.models->sets()[table.held_out].set;
  Mixtures mixtures(args.models, table.models->sets(), options, progress);
  const auto soup_of = [&](const Members& members) {
    return [&, members](std::size_t set) {
      std::vector<double> weights(table.names.size());
      for (const std::size_t i : members) weights[i] = 1 / static_cast<double>(members.size());
      return mixtures.on(weights, set);
    };
  };
  add_row(study, "soup of all", all, 1, best, soup_of(all));
  add_row(study, "soup of the greedy members", greedy, 1, best, soup_of(greedy));
}

}  // namespace

int cmd_ensemble(const EnsembleArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  check_analysis_place(args.place, "ensemble");
  if (args.models.size() < 2) throw UsageError("an ensemble needs two or more models");
  if (args.place.plan_only) {
    std::vector<std::string> lines = {"ensemble of " + std::to_string(args.models.size()) +
                                      " models: one pass a model and set" +
                                      (args.soup ? ", two more a set for soups" : "")};
    for (const std::string& text : set_lines(args.sets)) lines.push_back(text);
    print_analysis_plan("ensemble", lines, line);
    return 0;
  }
  const LogitsTable table = logits_table(args.models, args.sets, args.logits, line, progress);
  if (args.soup && !table.models)
    throw UsageError("--soup needs folders of models: logits cannot be averaged to weights");
  EnsembleStudy study = greedy_study(args, table, progress);
  add_rows(study, args, table, line, progress);
  publish_analysis(args.place, "ensemble", to_json(study), ensemble_page(study),
                   ensemble_text(study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
