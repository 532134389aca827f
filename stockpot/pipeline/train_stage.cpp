#include "stockpot/pipeline/train_stage.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/training_options.h"
#include "stockpot/sweep/state.h"
#include "stockpot/sweep/worker.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

std::string percent(const Accuracy& accuracy) { return fixed(100 * accuracy.value(), 2) + " %"; }

TrainedModel read_result(const fs::path& folder) {
  const fs::path file = folder / "result.json";
  const Json result = Json::read(file);
  const auto need = [&](const char* key) -> const Json& {
    if (const Json* value = result.find(key)) return *value;
    throw FormatError(file, std::string("no '") + key + "' in it");
  };
  TrainedModel model;
  model.folder = folder;
  model.held_out = accuracy_from_json(need("held_out"));
  model.seconds = need("seconds").as_number();
  for (const auto& [name, value] : need("choices").members())
    model.choices.emplace_back(name, value.as_string());
  for (const Json& warning : need("warnings").items())
    model.warnings.push_back(warning.as_string());
  return model;
}

// Why a trial has no result.
std::string loss_of(const TrialRecord& record, int retries) {
  const std::string state = name_of(own_state(record, retries));
  const std::string id = record.folder.filename().string();
  if (record.attempts.empty()) return id + ": " + state;
  return id + ": " + state + ", " + record.attempts.back().reason;
}

}  // namespace

TrainedModels train_all(const TrainContext& context, const std::vector<TrainingRun>& runs,
                        const SweepPlan& plan) {
  for (const Trial& trial : plan.trials)
    if (const fs::path folder = context.folder.run(trial.id); read_trial(folder).done)
      context.progress.say(trial.id + ": held-out " + percent(read_result(folder).held_out) +
                           " (finished earlier)");
  Trainer trainer(context, runs);
  WorkerOptions options;
  options.retries = plan.retries;
  options.heartbeat = plan.heartbeat;
  options.is_divergence = is_divergence;
  work(context.folder.path(), plan.trials, std::ref(trainer), options, context.progress);
  TrainedModels trained;
  const auto read = [&](const std::string& id) -> std::optional<TrainedModel> {
    const fs::path folder = context.folder.run(id);
    const TrialRecord record = read_trial(folder);
    if (record.done) return read_result(folder);
    trained.lost.push_back(loss_of(record, plan.retries));
    return std::nullopt;
  };
  if (context.recipe.lp) {
    trained.probe = read(kProbeTrial);
    if (trained.probe) {
      trained.probe->id = trained.probe->method = kProbeTrial;
      trained.probe->name = "LP";
      trained.probe->kind = RowKind::lp;
      trained.probe->seed = context.recipe.seed;
    }
  }
  for (const TrainingRun& run : runs) {
    std::optional<TrainedModel> model = read(run.id);
    if (!model) continue;
    model->id = run.id;
    model->method = run.method;
    model->name = run.name;
    model->kind = row_kind(run.kind);
    model->seed = run.seed;
    trained.runs.push_back(*std::move(model));
  }
  if (!trained.probe && trained.runs.empty() && !trained.lost.empty())
    throw RunError("nothing could be trained: " + printable(trained.lost.front()));
  return trained;
}

std::vector<TrainedModel> choose_learning_rates(const std::vector<TrainingRun>& runs,
                                                const std::vector<TrainedModel>& trained) {
  std::map<std::string, const TrainedModel*> done;
  for (const TrainedModel& model : trained) done[model.id] = &model;
  std::vector<TrainedModel> chosen;
  std::vector<std::string> methods;
  for (const TrainingRun& run : runs)
    if (std::find(methods.begin(), methods.end(), run.method) == methods.end())
      methods.push_back(run.method);
  for (const std::string& method : methods) {
    // Held-out counts by learning rate, summed over the seeds: equal totals, so the sums
    // compare like means, exactly.
    std::map<double, Accuracy> grid;
    for (const TrainingRun& run : runs) {
      if (run.method != method || !done.contains(run.id)) continue;
      Accuracy& sum = grid[run.settings.lr];
      sum.correct += done[run.id]->held_out.correct;
      sum.total += done[run.id]->held_out.total;
    }
    for (const TrainingRun& run : runs)
      if (run.method == method && !done.contains(run.id)) grid.erase(run.settings.lr);
    if (grid.empty()) continue;
    auto best = grid.begin();
    std::string tried;
    for (auto entry = grid.begin(); entry != grid.end(); ++entry) {
      if (entry->second.correct > best->second.correct) best = entry;
      tried += (tried.empty() ? "" : ", ") + shortest(entry->first) + ": " + percent(entry->second);
    }
    const bool edge = grid.size() > 1 && (best == grid.begin() || best == std::prev(grid.end()));
    for (const TrainingRun& run : runs) {
      if (run.method != method || run.settings.lr != best->first) continue;
      TrainedModel model = *done[run.id];
      if (grid.size() > 1) model.choices.emplace_back("held-out accuracy by learning rate", tried);
      if (edge)
        model.warnings.push_back("the best learning rate, " + shortest(best->first) +
                                 ", lies at the edge of its grid: a wider one may do better");
      chosen.push_back(model);
    }
  }
  return chosen;
}

Calibration calibrate(const Recipe& recipe, const DataSets& data, const Classifier& pretrained,
                      const TrainSettings& settings, Progress& progress) {
  progress.status("measuring the speed of this machine");
  Classifier model = pretrained.clone();
  model.reset_head(data.train.classes(), 0);
  const auto first_rows = [](const ImageDataset& set, std::int64_t count) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(std::min(count, set.size())));
    std::iota(rows.begin(), rows.end(), 0);
    return set.subset(rows);
  };
  TrainSettings brief = settings;
  brief.epochs = 1;
  const ImageDataset some = first_rows(data.train, 6 * settings.batch * settings.accumulate);
  const HeldOut few{first_rows(data.held_out.set, 1)};
  FitOptions options = training_options(brief, model, some.size(), 0);
  options.bf16 = recipe.bf16;
  // The first touch of memory is not to be timed.
  fit(model, first_rows(data.train, options.batch_size), few, options);
  const FitResult timed = fit(model, some, few, options);
  Calibration speed;
  speed.training = timed.history.front().images_per_second;
  EvalOptions eval;
  eval.bf16 = recipe.bf16;
  predict(model, few.set, eval);
  const auto begin = Clock::now();
  predict(model, some, eval);
  speed.evaluation = static_cast<double>(some.size()) /
                     std::max(1e-6, std::chrono::duration<double>(Clock::now() - begin).count());
  return speed;
}

}  // namespace stockpot
