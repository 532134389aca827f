#include "stockpot/pipeline/trainer.h"

#include <algorithm>
#include <chrono>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/pipeline/given_head.h"
#include "stockpot/pipeline/metrics_log.h"
#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/pipeline/probe_stage.h"
#include "stockpot/pipeline/training_options.h"
#include "stockpot/train/dense_average.h"
#include "stockpot/train/state_folder.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;
using Choices = std::vector<std::pair<std::string, std::string>>;
using Heads = std::pair<HeadFile, GivenHead>;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string percent(const Accuracy& accuracy) { return fixed(100 * accuracy.value(), 2) + " %"; }

// What a trained model has to say, as result.json.
struct Outcome {
  std::string method;
  Accuracy held_out;
  double seconds = 0;
  Choices choices;
  std::vector<std::string> warnings;
  Json details = Json::object();

  Json to_json(const Trial& trial) const {
    Json chosen = Json::object(), warned = Json::array();
    for (const auto& [name, value] : choices) chosen.set(name, value);
    for (const std::string& warning : warnings) warned.push(warning);
    return Json::object({{"schema_version", 1},
                         {"stockpot", kVersion},
                         {"id", trial.id},
                         {"method", method},
                         {"inputs", trial.params},
                         {"held_out", stockpot::to_json(held_out)},
                         {"seconds", seconds},
                         {"choices", chosen},
                         {"warnings", warned},
                         {"details", details}});
  }
};

// An attempt that died between the model and its result left a model: it is made again.
void save_model(const Classifier& model, const fs::path& folder, const TrialRun& run) {
  run.require_still_mine();
  fs::remove_all(folder);
  fs::create_directories(folder.parent_path());
  remove_leftovers(folder.parent_path());  // of workers that died while they saved
  model.save(folder);
}

std::string shown(const Json& value) {
  if (value.is_string()) return value.as_string();
  return value.is_number() && !value.is_integer() ? significant(value.as_number(), 3)
                                                  : value.dump();
}

// Says how a run is getting on: to people, to `sweep status` and to the trial's log.
class Reporter {
 public:
  Reporter(const std::string& id, TrialRun& run, Progress& progress)
      : id_(id), run_(run), progress_(progress), metrics_(run.folder()) {}

  FitCallbacks callbacks() {
    FitCallbacks callbacks;
    callbacks.on_resume = [this](const ResumeReport& report) { resumed(report); };
    callbacks.on_epoch = [this](const EpochReport& report) { epoch(report); };
    callbacks.on_step = [this](const StepReport& report) { step(report); };
    return callbacks;
  }

 private:
  void resumed(const ResumeReport& report) {
    const std::string line = "continued after step " + std::to_string(report.step) + " of " +
                             std::to_string(report.steps) + ", in epoch " +
                             std::to_string(report.epoch);
    run_.log(line);
    progress_.say(id_ + ": " + line);
    for (const EpochReport& epoch : report.history) metrics_.write(epoch.to_json());
    if (!report.history.empty()) held_out_ = report.history.back().held_out.value();
  }

  void epoch(const EpochReport& report) {
    metrics_.write(report.to_json());
    held_out_ = report.held_out.value();
    const std::string line =
        "epoch " + std::to_string(report.epoch) + "/" + std::to_string(report.epochs) + ", loss " +
        fixed(report.train_loss, 4) + ", held-out " + percent(report.held_out) + ", " +
        fixed(report.images_per_second, 0) + " images/s";
    run_.log(line);
    progress_.status(id_ + ": " + line + ", " + human_duration(report.seconds_left) +
                     " left in this run");
  }

  void step(const StepReport& report) {
    Json state = Json::object({{"step", report.step},
                               {"steps", report.steps},
                               {"epoch", report.epoch},
                               {"epochs", report.epochs},
                               {"images_per_second", report.images_per_second}});
    if (held_out_) state.set("held_out", *held_out_);
    run_.progress(state);
    progress_.status(id_ + ": step " + std::to_string(report.step) + "/" +
                     std::to_string(report.steps) + ", loss " + fixed(report.loss, 4) + ", " +
                     fixed(report.images_per_second, 0) + " images/s, " +
                     human_duration(report.seconds_left) + " left in this run");
  }

  std::string id_;
  TrialRun& run_;
  Progress& progress_;
  MetricsLog metrics_;
  std::optional<double> held_out_;  // of the last epoch
};

Json save_averages(const std::vector<AveragedModel>& averages, const Classifier& like,
                   const TrialRun& run) {
  Json saved = Json::object();
  if (averages.empty()) return saved;
  Classifier model = like.clone();
  for (const AveragedModel& average : averages) {
    model.load_state(average.state);
    save_model(model, run.folder() / "averages" / average.name, run);
    saved.set(average.name, Json::object({{"held_out", to_json(average.held_out)},
                                          {"held_out_loss", average.held_out_loss}}));
  }
  return saved;
}

// Which epochs and steps the dense average is over, for people and as numbers.
void add_swad_window(const SwadOptions& options, const std::vector<EpochReport>& history,
                     Outcome& outcome) {
  std::vector<double> losses;
  for (const EpochReport& epoch : history) losses.push_back(epoch.held_out_loss);
  const std::optional<SwadWindow> window = DenseAverage::window(options, losses);
  const char* name = "window of SWAD";
  outcome.details.set("swad", Json());
  if (!window) {
    outcome.choices.emplace_back(name, "none: the held-out loss fell until the end");
    return;
  }
  const EpochReport &first = history[window->first], &last = history[window->last];
  const std::int64_t before = window->first == 0 ? 0 : history[window->first - 1].step;
  // Epochs of a run that an older version began do not know their steps.
  const bool known = last.step > 0 && (window->first == 0 || before > 0);
  outcome.choices.emplace_back(
      name,
      "epochs " + std::to_string(first.epoch) + " to " + std::to_string(last.epoch) + " of " +
          std::to_string(last.epochs) +
          (known ? ", steps " + std::to_string(before + 1) + " to " + std::to_string(last.step)
                 : "") +
          (window->ended ? "; then the held-out loss rose" : ""));
  outcome.details.set("swad", Json::object({{"first_epoch", first.epoch},
                                            {"last_epoch", last.epoch},
                                            {"first_step", known ? Json(before + 1) : Json()},
                                            {"last_step", known ? Json(last.step) : Json()},
                                            {"threshold", window->threshold},
                                            {"ended", window->ended}}));
}

}  // namespace

Trainer::Trainer(const TrainContext& context, std::vector<TrainingRun> runs)
    : context_(context), runs_(std::move(runs)) {
  for (const TrainingRun& run : runs_)
    if (run.head && std::ranges::find(heads_, *run.head, &Heads::first) == heads_.end())
      heads_.emplace_back(*run.head, read_head(*run.head, context_.data.train.classes(),
                                               context_.pretrained.folder().feature_size));
}

Json Trainer::operator()(const Trial& trial, TrialRun& run) {
  if (trial.id == kProbeTrial) return train_probe(trial, run);
  const auto settings = std::find_if(runs_.begin(), runs_.end(),
                                     [&](const TrainingRun& one) { return one.id == trial.id; });
  if (settings == runs_.end()) throw UsageError("the recipe has no run " + printable(trial.id));
  return fine_tune(*settings, trial, run);
}

Json Trainer::train_probe(const Trial& trial, TrialRun& run) {
  const auto begin = Clock::now();
  Classifier model = context_.pretrained.clone();
  FittedProbe probe = stockpot::train_probe(context_, model, run);
  save_model(model, run.folder() / "model", run);
  return Outcome{.method = "lp",
                 .held_out = probe.held_out,
                 .seconds = seconds_since(begin),
                 .choices = std::move(probe.choices),
                 .warnings = std::move(probe.warnings),
                 .details = std::move(probe.details)}
      .to_json(trial);
}

const Classifier& Trainer::probe() {
  if (!probe_) {
    const fs::path folder = context_.folder.run(kProbeTrial) / "model";
    probe_ = Classifier::load(ModelFolder::open(folder));
    probe_->to(context_.pretrained.device());
  }
  return *probe_;
}

// The logits that its accuracy is of, where evaluation and soups look first.
void Trainer::save_held_out(const FitResult& fitted, Classifier& model, const TrialRun& run) const {
  EvalOptions eval;
  eval.bf16 = context_.recipe.bf16;
  Predictions predictions =
      fitted.predictions ? *fitted.predictions : predict(model, context_.data.held_out.set, eval);
  predictions.model = model_key(ModelFolder::open(run.folder() / "model"));
  store_predictions(logits_file(run.folder(), kHeldOutName), predictions);
}

const GivenHead& Trainer::head_of(const TrainingRun& run, const Trial& trial) const {
  const GivenHead& head = std::ranges::find(heads_, *run.head, &Heads::first)->second;
  const Json* planned = trial.params.find("head");
  if (!planned || !(*planned == head.identity))
    throw TrialRefused(printable(run.head->file.string()) + " has changed since " + trial.id +
                       " was planned: name another folder with --out");
  return head;
}

Classifier Trainer::start_of(const TrainingRun& run, const Trial& trial) {
  Classifier model = (run.from_probe ? probe() : context_.pretrained).clone();
  if (run.settings.side_network) model.add_side_network(run.seed);
  const std::vector<std::string>& classes = context_.data.train.classes();
  if (run.head)
    put_head(head_of(run, trial), classes, model);
  else if (!run.from_probe)
    model.reset_head(classes, run.seed);
  return model;
}

Json Trainer::fine_tune(const TrainingRun& settings, const Trial& trial, TrialRun& run) {
  const auto begin = Clock::now();
  Classifier model = start_of(settings, trial);
  FitOptions options =
      training_options(settings.settings, model, context_.data.train.size(), settings.seed);
  options.bf16 = context_.recipe.bf16;
  options.checkpoints = {.folder = run.folder() / "state",
                         .every_seconds = context_.recipe.checkpoint_every,
                         .identity = trial.params,
                         .on_warning = [&](const std::string& warning) {
                           run.log(warning);
                           context_.progress.say(trial.id + ": " + warning);
                         }};
  Reporter reporter(trial.id, run, context_.progress);
  const ImageDataset& train = context_.data.train;
  const HeldOut& held_out = context_.data.held_out;
  const FitResult fitted = [&] {
    try {
      return context_.joint ? context_.joint->fit(trial.id, model, train, held_out, options,
                                                  reporter.callbacks())
                            : fit(model, train, held_out, options, reporter.callbacks());
    } catch (const Diverged& error) {
      // Of an earlier epoch: training itself cannot go on from there with these settings.
      if (error.divergence().epoch > 1) save_model(model, run.folder() / "last-good", run);
      throw;
    } catch (const StateOfAnotherRun& error) {
      throw TrialRefused(error.what());
    }
  }();

  Outcome outcome;
  outcome.method = settings.method;
  outcome.held_out = fitted.held_out;
  if (settings.head) {
    const GivenHead& head = head_of(settings, trial);
    outcome.choices.emplace_back("head", head.description);
    outcome.warnings = head.notes;
  }
  for (const auto& [key, value] : settings.settings.all())
    outcome.choices.emplace_back(key, shown(value));
  if (settings.settings.epochs > 0)
    outcome.choices.emplace_back("best epoch", std::to_string(fitted.best_epoch) + " of " +
                                                   std::to_string(settings.settings.epochs));
  if (model.has_batchnorm())
    outcome.choices.emplace_back("largest change of BatchNorm statistics",
                                 significant(fitted.batchnorm_change, 3));
  outcome.details = Json::object(
      {{"best_epoch", fitted.best_epoch}, {"batchnorm_change", fitted.batchnorm_change}});
  if (options.swad) add_swad_window(*options.swad, fitted.history, outcome);
  save_model(model, run.folder() / "model", run);
  save_held_out(fitted, model, run);
  if (const Json averages = save_averages(fitted.averages, model, run); !averages.members().empty())
    outcome.details.set("averages", averages);
  // All of a run that was continued, as far as its states remember.
  for (const EpochReport& epoch : fitted.history) outcome.seconds += epoch.seconds;
  outcome.seconds = std::max(outcome.seconds, seconds_since(begin));
  return outcome.to_json(trial);
}

bool is_divergence(const std::exception& error) {
  return dynamic_cast<const Diverged*>(&error) != nullptr;
}

}  // namespace stockpot
