#include "stockpot/pipeline/test_stage.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/base64.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/pipeline/probe_stage.h"

namespace stockpot {
namespace {

struct NamedSet {
  std::string name;
  SetRole role;
  const ImageDataset* set;
};

std::vector<NamedSet> all_sets(const DataSets& data) {
  std::vector<NamedSet> sets{{kHeldOutName, SetRole::held_out, &data.held_out.set}};
  for (const TestSet& test : data.tests)
    sets.push_back({test.name, test.ood ? SetRole::ood : SetRole::id_test, &test.set});
  return sets;
}

std::string relative_to_run(const TrainContext& context, const fs::path& folder) {
  return fs::path(folder / "model").lexically_relative(context.folder.path()).string();
}

// Beside a side network both backbones see every picture.
int cost_of(const TrainedModel& trained) {
  const std::pair<std::string, std::string> side{"side_network", "true"};
  return std::ranges::find(trained.choices, side) == trained.choices.end() ? 1 : 2;
}

ReportedModel reported(const TrainContext& context, const TrainedModel& trained) {
  ReportedModel model;
  model.name = trained.name;
  model.kind = trained.kind;
  // Rows of one method differ in their seed: for search runs that is the seed of the search.
  model.seed = static_cast<std::int64_t>(
      trained.kind == RowKind::search ? context.recipe.search_seed : trained.seed);
  model.method = trained.method;
  model.choices = trained.choices;
  model.inference_cost = cost_of(trained);
  model.folder = relative_to_run(context, trained.folder);
  model.train_seconds = trained.seconds;
  model.warnings = trained.warnings;
  return model;
}

ReportedModel reported(const TrainContext& context, const Soup& soup,
                       const std::vector<TrainedModel>& candidates) {
  ReportedModel model;
  model.name = soup.name;
  model.kind = RowKind::soup;
  model.method = "soup-" + soup.id;
  model.folder = relative_to_run(context, soup.folder);
  model.choices.emplace_back("ingredients", std::to_string(soup.ingredients.size()) + " of " +
                                                std::to_string(candidates.size()) + ": " +
                                                join(soup.ingredients, ", "));
  for (const TrainedModel& candidate : candidates)
    model.inference_cost = std::max(model.inference_cost, cost_of(candidate));
  return model;
}

void add_ensemble(const TrainContext& context, const std::string& name, const std::string& method,
                  const std::vector<TrainedModel>& candidates,
                  const std::vector<std::string>& members, RunReport& report) {
  ReportedModel model;
  model.name = name;
  model.kind = RowKind::ensemble;
  model.method = method;
  model.inference_cost = 0;
  for (const TrainedModel& candidate : candidates)
    if (std::ranges::find(members, candidate.id) != members.end())
      model.inference_cost += cost_of(candidate);
  model.choices.emplace_back("members",
                             std::to_string(members.size()) + ": " + join(members, ", "));
  ModelScores scores(model);
  for (const NamedSet& named : all_sets(context.data)) {
    std::vector<Predictions> predictions;
    std::vector<const Predictions*> pointers;
    for (const TrainedModel& candidate : candidates)
      if (std::find(members.begin(), members.end(), candidate.id) != members.end())
        predictions.push_back(read_predictions(logits_file(candidate.folder, named.name)));
    for (const Predictions& member : predictions) pointers.push_back(&member);
    scores.add(named.name, named.role, mean_logits(pointers));
  }
  report.models.push_back(model);
}

// Of all but LP, whose logits come from features that are kept.
void make_logits(const TrainContext& context, const std::vector<TrainedModel>& models,
                 const std::vector<Soup>& soups, const std::vector<NamedSet>& sets) {
  std::vector<fs::path> runs;
  for (const TrainedModel& model : models)
    if (model.kind != RowKind::lp) runs.push_back(model.folder);
  for (const Soup& soup : soups) runs.push_back(soup.folder);
  std::vector<std::pair<std::string, const ImageDataset*>> pictures;
  for (const NamedSet& named : sets) pictures.emplace_back(named.name, named.set);
  make_missing_logits(context, runs, pictures);
}

}  // namespace

SetScore score(const Predictions& predictions) {
  SetScore result;
  result.accuracy = accuracy(predictions);
  PictureMean pictures;
  pictures.add(predictions);
  result.over_pictures = pictures.interval();
  const std::vector<Accuracy> classes = per_class(predictions);
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (classes[i].total > 0) result.classes.emplace_back(predictions.class_names[i], classes[i]);
  if (predictions.group_names.size() > 1) {
    const std::vector<Accuracy> groups = per_group(predictions);
    for (std::size_t i = 0; i < groups.size(); ++i)
      if (groups[i].total > 0) result.groups.emplace_back(predictions.group_names[i], groups[i]);
  }
  return result;
}

void ModelScores::add(const std::string& set, SetRole role, const Predictions& predictions) {
  model_.scores[set] = score(predictions);
  if (role != SetRole::ood) return;
  ood_.add(predictions);
  model_.mean_ood_over_pictures = ood_.interval();
}

void evaluate_all(const TrainContext& context, const std::vector<TrainedModel>& models,
                  const std::vector<TrainedModel>& candidates, const std::vector<Soup>& soups,
                  RunReport& report) {
  const std::vector<NamedSet> sets = all_sets(context.data);
  for (const NamedSet& named : sets)
    report.sets.push_back({named.name, named.role, named.set->size(), named.set->skipped()});
  make_logits(context, models, soups, sets);
  const std::size_t count = models.size() + soups.size();
  const auto evaluate = [&](const std::string& id, auto&& runner, ReportedModel model) {
    context.progress.status("evaluating " + id + " (" + std::to_string(report.models.size() + 1) +
                            "/" + std::to_string(count) + ")");
    ModelScores scores(model);
    for (const NamedSet& named : sets)
      scores.add(named.name, named.role, runner.on(named.name, *named.set));
    report.models.push_back(std::move(model));
  };
  for (const TrainedModel& trained : models) {
    if (trained.kind == RowKind::lp) {
      ProbeOnSets probe(context, trained.folder);
      evaluate(trained.id, probe, reported(context, trained));
      report.probe_path = probe.path();
    } else {
      evaluate(trained.id, ModelOnSets(context, trained.folder), reported(context, trained));
    }
  }
  for (const Soup& soup : soups)
    evaluate("soup-" + soup.id, ModelOnSets(context, soup.folder),
             reported(context, soup, candidates));
  if (candidates.size() > 1) {
    std::vector<std::string> all;
    for (const TrainedModel& model : candidates) all.push_back(model.id);
    add_ensemble(context, "ensemble of all runs", "ensemble-all", candidates, all, report);
  }
  for (const Soup& soup : soups) {
    if (soup.ledger.empty()) continue;
    if (soup.ingredients.size() > 1)
      add_ensemble(context, "ensemble of the greedy ingredients", "ensemble-greedy", candidates,
                   soup.ingredients, report);
    std::vector<LedgerLine> lines;
    for (const LedgerEntry& entry : soup.ledger)
      lines.push_back({entry.rank, entry.name, entry.reason,
                       entry.alone.counts.value_or(Accuracy{}),
                       entry.before.counts.value_or(Accuracy{}),
                       entry.after.stopped ? Accuracy{} : entry.after.counts.value_or(Accuracy{}),
                       entry.accepted});
    report.ledgers.emplace_back(static_cast<std::int64_t>(context.recipe.search_seed), lines);
  }
  report.accept_rule = context.recipe.accept_strict ? "> (strictly better)" : ">= (ties stay in)";
}

void add_gallery(const TrainContext& context, const std::string& model, RunReport& report) {
  constexpr std::size_t kPictures = 6;
  const auto entry = std::find_if(report.models.begin(), report.models.end(),
                                  [&](const ReportedModel& m) { return m.name == model; });
  if (entry == report.models.end()) return;
  report.gallery_model = model;
  const fs::path run = (context.folder.path() / entry->folder).parent_path();
  for (const NamedSet& named : all_sets(context.data)) {
    const Predictions predictions = read_predictions(logits_file(run, named.name));
    std::vector<std::int64_t> order =
        random_order(named.set->size(), context.recipe.seed, Purpose::subset);
    order.resize(std::min(order.size(), kPictures));
    for (const std::int64_t row : order) {
      const auto logits = predictions.row(row);
      const std::int64_t guess = predicted_class(logits);
      double sum = 0;
      for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - logits[static_cast<std::size_t>(guess)]);
      const Image picture =
          prepare(*named.set->image(row), context.pretrained.folder().preprocessing);
      report.gallery.push_back(
          {named.name, named.set->id(row),
           named.set->classes()[static_cast<std::size_t>(named.set->label(row))],
           named.set->classes()[static_cast<std::size_t>(guess)], 1 / sum,
           base64(encode_png(picture))});
    }
  }
}

}  // namespace stockpot
