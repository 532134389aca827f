#include "stockpot/pipeline/train_stage.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/metrics_log.h"
#include "stockpot/train/probe.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string percent(const Accuracy& accuracy) { return fixed(100 * accuracy.value(), 2) + " %"; }

Json settings_json(const TrainSettings& settings) {
  Json json = Json::object();
  for (const auto& [key, value] : settings.all()) json.set(key, value);
  return json;
}

at::Tensor labels_of(const ImageDataset& set) {
  at::Tensor labels = at::empty({set.size()}, at::kLong);
  auto* out = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < set.size(); ++i) out[i] = set.label(i);
  return labels;
}

Json choices_json(const TrainedModel& model) {
  Json choices = Json::object();
  for (const auto& [name, value] : model.choices) choices.set(name, value);
  return choices;
}

// Puts model, logs and result into the run's folder, which appears in one piece.
void publish_run(const TrainedModel& trained, const Json& inputs, const Json& details,
                 const Classifier& model, PendingFolder& pending) {
  model.save(pending.path() / "model");
  Json warnings = Json::array();
  for (const std::string& warning : trained.warnings) warnings.push(warning);
  const Json result = Json::object({{"schema_version", 1},
                                    {"stockpot", kVersion},
                                    {"id", trained.id},
                                    {"method", trained.method},
                                    {"inputs", inputs},
                                    {"held_out", to_json(trained.held_out)},
                                    {"seconds", trained.seconds},
                                    {"choices", choices_json(trained)},
                                    {"warnings", warnings},
                                    {"details", details}});
  write_file(pending.path() / "result.json", result.dump(2) + "\n");
  pending.publish();
}

// Fills what result.json knows.
void take_result(const Json& result, TrainedModel& model) {
  const auto need = [&](const char* key) -> const Json& {
    if (const Json* value = result.find(key)) return *value;
    throw FormatError(model.folder / "result.json", std::string("no '") + key + "' in it");
  };
  model.held_out = accuracy_from_json(need("held_out"));
  model.seconds = need("seconds").as_number();
  for (const auto& [name, value] : need("choices").members())
    model.choices.emplace_back(name, value.as_string());
  for (const Json& warning : need("warnings").items())
    model.warnings.push_back(warning.as_string());
}

Json probe_inputs(const TrainContext& context) {
  Json c = Json::array();
  for (const double value : context.recipe.probe_c) c.push(value);
  return Json::object({{"identity", context.identity}, {"c", c}});
}

std::string run_line(std::size_t number, std::size_t count, const TrainedModel& model) {
  return "[" + std::to_string(number) + "/" + std::to_string(count) + "] " + model.id +
         ": held-out " + percent(model.held_out);
}

// The result of a run, without what training will find.
TrainedModel not_yet_trained(const TrainContext& context, const TrainingRun& run) {
  TrainedModel model;
  model.id = run.id;
  model.method = run.method;
  model.name = run.name;
  model.kind = run.kind;
  model.seed = run.seed;
  model.folder = context.folder.run(run.id);
  return model;
}

TrainedModel train_one(const TrainContext& context, const TrainingRun& run, const Json& inputs,
                       const Classifier& start, const std::string& prefix) {
  TrainedModel trained = not_yet_trained(context, run);
  const auto begin = Clock::now();
  Classifier model = start.clone();
  if (!run.from_probe) model.reset_head(context.data.train.classes(), run.seed);

  PendingFolder pending(trained.folder);
  MetricsLog log(pending.path());
  FitCallbacks callbacks;
  callbacks.on_epoch = [&](const EpochReport& report) {
    log.write(report.to_json());
    context.progress.status(prefix + run.id + ": epoch " + std::to_string(report.epoch) + "/" +
                            std::to_string(report.epochs) + ", loss " +
                            fixed(report.train_loss, 4) + ", held-out " + percent(report.held_out) +
                            ", " + fixed(report.images_per_second, 0) + " images/s, " +
                            human_duration(report.seconds_left) + " left in this run");
  };
  callbacks.on_step = [&](const StepReport& report) {
    context.progress.status(prefix + run.id + ": step " + std::to_string(report.step) + "/" +
                            std::to_string(report.steps) + ", loss " + fixed(report.loss, 4) +
                            ", " + fixed(report.images_per_second, 0) + " images/s, " +
                            human_duration(report.seconds_left) + " left in this run");
  };
  const FitResult fitted = fit(model, context.data.train, context.data.held_out,
                               fit_options(run.settings, run.seed, context.recipe.bf16), callbacks);
  trained.held_out = fitted.held_out;
  trained.seconds = seconds_since(begin);
  for (const auto& [key, value] : run.settings.all())
    trained.choices.emplace_back(key, value.is_string() ? value.as_string()
                                      : value.is_number() && !value.is_integer()
                                          ? significant(value.as_number(), 3)
                                          : value.dump());
  trained.choices.emplace_back("best epoch", std::to_string(fitted.best_epoch) + " of " +
                                                 std::to_string(run.settings.epochs));
  if (model.has_batchnorm())
    trained.choices.emplace_back("largest change of BatchNorm statistics",
                                 significant(fitted.batchnorm_change, 3));
  publish_run(trained, inputs,
              Json::object({{"best_epoch", fitted.best_epoch},
                            {"batchnorm_change", fitted.batchnorm_change}}),
              model, pending);
  return trained;
}

}  // namespace

FitOptions fit_options(const TrainSettings& settings, std::uint64_t seed, bool bf16) {
  FitOptions options;
  options.epochs = static_cast<int>(settings.epochs);
  options.batch_size = settings.batch;
  options.optimizer = settings.optimizer == "sgd" ? Optimizer::sgd : Optimizer::adamw;
  options.learning_rate = settings.lr;
  options.weight_decay = settings.weight_decay;
  options.momentum = settings.momentum;
  options.schedule = settings.schedule == "linear"     ? Schedule::linear
                     : settings.schedule == "constant" ? Schedule::constant
                                                       : Schedule::cosine;
  options.warmup = settings.warmup;
  options.label_smoothing = settings.label_smoothing;
  options.clip_norm = settings.clip_norm;
  options.batchnorm = settings.batchnorm == "live" ? BatchNorm::live : BatchNorm::frozen;
  options.augmentation = settings.augmentation();
  options.seed = seed;
  options.bf16 = bf16;
  return options;
}

TrainedModel train_probe(const TrainContext& context) {
  TrainedModel probe{"lp", "lp", "LP", RowKind::lp, context.recipe.seed, context.folder.run("lp"),
                     {},   0,    {},   {}};
  const Json inputs = probe_inputs(context);
  if (const auto result = context.folder.finished(probe.folder, inputs)) {
    take_result(*result, probe);
    context.progress.say("LP: finished earlier, held-out " + percent(probe.held_out));
    return probe;
  }
  const auto begin = Clock::now();
  Classifier model = context.pretrained.clone();
  EvalOptions eval;
  eval.bf16 = context.recipe.bf16;
  context.progress.status("LP: features of the training and held-out pictures");
  const ImageDataset& train = context.data.train;
  const ImageDataset& held_out = context.data.held_out.set;
  const at::Tensor train_features = extract_features(model, train, eval);
  const at::Tensor held_out_features = extract_features(model, held_out, eval);

  PendingFolder pending(probe.folder);
  MetricsLog log(pending.path());
  ProbeOptions options;
  options.c = context.recipe.probe_c;
  const ProbeResult fitted = fit_probe(
      train_features, labels_of(train), held_out_features, labels_of(held_out),
      static_cast<std::int64_t>(train.classes().size()), options, [&](const ProbePoint& point) {
        context.progress.status("LP: C = " + significant(point.c, 3) + ", held-out " +
                                percent(point.held_out));
      });
  for (const ProbePoint& point : fitted.path) {
    log.write(Json::object({{"c", point.c},
                            {"objective", point.objective},
                            {"iterations", point.iterations},
                            {"converged", point.converged},
                            {"train_accuracy", point.train.value()},
                            {"held_out_correct", point.held_out.correct},
                            {"held_out_accuracy", point.held_out.value()}}));
  }
  const ProbePoint& chosen = fitted.path[fitted.chosen];
  model.set_head(train.classes(), fitted.weight, fitted.bias);
  probe.held_out = chosen.held_out;
  probe.seconds = seconds_since(begin);
  probe.choices.emplace_back(
      "C", significant(chosen.c, 3) + " of " + std::to_string(options.c.size()) + " from " +
               significant(options.c.front(), 3) + " to " + significant(options.c.back(), 3));
  if (fitted.at_grid_edge && options.c.size() > 1)
    probe.warnings.push_back("the chosen C = " + significant(chosen.c, 3) +
                             " lies at the edge of the grid: a wider one may do better");
  const auto open = std::count_if(fitted.path.begin(), fitted.path.end(),
                                  [](const ProbePoint& point) { return !point.converged; });
  if (open > 0)
    probe.warnings.push_back(std::to_string(open) + " of " + std::to_string(options.c.size()) +
                             " penalties stopped at the limit of iterations");
  publish_run(probe, inputs, Json::object({{"chosen", chosen.c}}), model, pending);
  context.progress.say("LP: held-out " + percent(probe.held_out) + " with C = " +
                       significant(chosen.c, 3) + " (" + fixed(probe.seconds, 1) + " s)");
  return probe;
}

std::vector<TrainedModel> train_runs(const TrainContext& context,
                                     const std::vector<TrainingRun>& runs,
                                     const std::optional<TrainedModel>& probe) {
  std::vector<TrainedModel> trained;
  std::optional<Classifier> probe_model;
  const auto begin = Clock::now();
  double work_done = 0, work_left = 0;
  for (const TrainingRun& run : runs) work_left += static_cast<double>(run.settings.epochs);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const TrainingRun& run = runs[i];
    Json inputs = Json::object({{"identity", context.identity},
                                {"settings", settings_json(run.settings)},
                                {"seed", run.seed},
                                {"bf16", context.recipe.bf16}});
    if (run.from_probe) inputs.set("probe_c", *probe_inputs(context).find("c"));
    TrainedModel model = not_yet_trained(context, run);
    const auto finished = context.folder.finished(model.folder, inputs);
    work_left -= static_cast<double>(run.settings.epochs);
    if (finished) {
      take_result(*finished, model);
      context.progress.say(run_line(i + 1, runs.size(), model) + " (finished earlier)");
      trained.push_back(model);
      continue;
    }
    if (run.from_probe && !probe_model) {
      probe_model = Classifier::load(ModelFolder::open(probe->folder / "model"));
      probe_model->to(context.pretrained.device());
    }
    const std::string prefix =
        "[" + std::to_string(i + 1) + "/" + std::to_string(runs.size()) + "] ";
    model =
        train_one(context, run, inputs, run.from_probe ? *probe_model : context.pretrained, prefix);
    work_done += static_cast<double>(run.settings.epochs);
    const double left = seconds_since(begin) / work_done * work_left;
    context.progress.say(
        run_line(i + 1, runs.size(), model) + " (" + fixed(model.seconds, 1) + " s; " +
        (work_left > 0 ? "about " + human_duration(left) + " left for training" : "training done") +
        ")");
    trained.push_back(model);
  }
  return trained;
}

std::vector<TrainedModel> choose_learning_rates(const std::vector<TrainingRun>& runs,
                                                const std::vector<TrainedModel>& trained) {
  std::vector<TrainedModel> chosen;
  std::vector<std::string> methods;
  for (const TrainingRun& run : runs)
    if (std::find(methods.begin(), methods.end(), run.method) == methods.end())
      methods.push_back(run.method);
  for (const std::string& method : methods) {
    // Held-out counts by learning rate, summed over the seeds: equal totals, so the sums
    // compare like means, exactly.
    std::map<double, Accuracy> grid;
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (runs[i].method == method) {
        Accuracy& sum = grid[runs[i].settings.lr];
        sum.correct += trained[i].held_out.correct;
        sum.total += trained[i].held_out.total;
      }
    auto best = grid.begin();
    std::string tried;
    for (auto entry = grid.begin(); entry != grid.end(); ++entry) {
      if (entry->second.correct > best->second.correct) best = entry;
      tried += (tried.empty() ? "" : ", ") + shortest(entry->first) + ": " + percent(entry->second);
    }
    const bool edge = grid.size() > 1 && (best == grid.begin() || best == std::prev(grid.end()));
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (runs[i].method != method || runs[i].settings.lr != best->first) continue;
      TrainedModel model = trained[i];
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
  const ImageDataset some = first_rows(data.train, 6 * settings.batch);
  const HeldOut few{first_rows(data.held_out.set, 1)};
  const FitOptions options = fit_options(brief, 0, recipe.bf16);
  fit(model, first_rows(data.train, settings.batch), few, options);  // first touch of memory
  const FitResult timed = fit(model, some, few, options);
  Calibration speed;
  speed.training = timed.history.front().images_per_second;
  EvalOptions eval;
  eval.bf16 = recipe.bf16;
  predict(model, few.set, eval);
  const auto begin = Clock::now();
  predict(model, some, eval);
  speed.evaluation = static_cast<double>(some.size()) / std::max(1e-6, seconds_since(begin));
  return speed;
}

}  // namespace stockpot
