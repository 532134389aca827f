#include "stockpot/pipeline/run.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/base/version.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/mechanism_stage.h"
#include "stockpot/pipeline/probe_stage.h"
#include "stockpot/pipeline/soup_stage.h"
#include "stockpot/pipeline/stored_right.h"
#include "stockpot/pipeline/test_stage.h"
#include "stockpot/pipeline/train_stage.h"

namespace stockpot {
namespace {

std::string model_line(const ModelFolder& folder, const Classifier& model) {
  std::int64_t parameters = 0;
  for (const Parameter& parameter : model.parameters()) parameters += parameter.value.numel();
  std::string name = folder.library + " ";
  if (const auto* resnet = std::get_if<ResNetConfig>(&folder.architecture))
    name += resnet->architecture;
  else
    name += "ViT, patch " + std::to_string(std::get<VitConfig>(folder.architecture).patch_size);
  return name + ", " + fixed(static_cast<double>(parameters) / 1e6, 2) + " M parameters";
}

void print_plan(const Recipe& recipe, const std::vector<TrainingRun>& runs, const DataSets& data,
                std::int64_t features, Progress& progress) {
  std::int64_t images = 0;
  for (const TrainingRun& run : runs) images += run.settings.epochs * data.train.size();
  if (recipe.lp)
    progress.say("plan: linear probe over " + std::to_string(recipe.probe_c.size()) + " penalties");
  const std::string without_heads = heads_not_kept(
      recipe.probe_c.size(), static_cast<std::int64_t>(data.train.classes().size()), features);
  if (recipe.lp && !without_heads.empty()) progress.say("plan: " + without_heads);
  if (!runs.empty())
    progress.say("plan: " + std::to_string(runs.size()) + " fine-tuning runs, " + grouped(images) +
                 " training images in all");
  for (const TrainingRun& run : runs)
    progress.say("  " + run.id + ": lr " + significant(run.settings.lr, 3) + ", " +
                 std::to_string(run.settings.epochs) + " epochs, weight decay " +
                 significant(run.settings.weight_decay, 3) + ", augment " + run.settings.augment +
                 ", label smoothing " + significant(run.settings.label_smoothing, 3));
}

void add_versions(RunReport& report, const Recipe& recipe, const Classifier& model, int processes) {
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
  report.versions = {{"stockpot", std::string(kVersion)},
                     {"LibTorch", torch_version()},
                     {"BLAS", blas_description()},
                     {"device", model.device().str()},
                     {"processes", std::to_string(processes)},
                     {"threads", std::to_string(threads())},
                     {"precision", recipe.bf16 ? "bf16 autocast" : "fp32"},
                     {"finished", date}};
}

// The model that pictures are shown for: the one a user would take away.
std::string chosen_model(const RunReport& report) {
  for (const RowKind kind : {RowKind::soup, RowKind::lpft, RowKind::ft, RowKind::lp}) {
    std::string name;
    for (const ReportedModel& model : report.models)
      if (model.kind == kind) name = model.name;
    if (!name.empty()) return name;
  }
  return "";
}

// Trials of an earlier recipe stay in the folder's plan: their folders are still there.
void publish_plan(const fs::path& out, SweepPlan plan) {
  if (fs::exists(out / "sweep.json"))
    for (const Trial& old : read_plan(out).trials)
      if (std::none_of(plan.trials.begin(), plan.trials.end(),
                       [&](const Trial& trial) { return trial.id == old.id; }))
        plan.trials.push_back(old);
  write_plan(out, plan);
}

void write_reports(const RunReport& report, const fs::path& out) {
  write_file(out / "results.json", to_json(report).dump(2) + "\n");
  write_file(out / "results.csv", csv_table(report));
  write_file(out / "results.md", markdown_table(report));
  write_file(out / "report.html", html_report(report, attached_pages(out)));
}

// What cannot be measured (a set of one picture, features that do not vary) must not cost the
// report of a run.
std::optional<Mechanism> mechanism_of(const TrainContext& context,
                                      const std::vector<TrainedModel>& models,
                                      std::vector<std::string>& notes) {
  const auto without = [&](const std::exception& error) {
    notes.push_back(std::string("movement of features was not measured: ") + error.what());
    return std::nullopt;
  };
  try {
    return measure_mechanism(context, models);
  } catch (const RunError& error) {
    return without(error);
  } catch (const FormatError& error) {
    return without(error);
  } catch (const UsageError& error) {
    return without(error);
  }
}

TrainedModels train_together(const TrainContext& context, const std::vector<TrainingRun>& runs,
                             const SweepPlan& plan) {
  try {
    TrainedModels trained = train_all(context, runs, plan);
    context.joint->end();
    return trained;
  } catch (const Interrupted&) {
    context.joint->rethrow();
    throw;
  }
}

}  // namespace

RunReport run_recipe(const Recipe& recipe, const fs::path& out, bool plan_only,
                     Progress& progress) {
  World alone = World::alone();
  return run_recipe(recipe, out, plan_only, progress, alone);
}

RunReport run_recipe(const Recipe& recipe, const fs::path& out, bool plan_only, Progress& progress,
                     World& world) {
  const auto begin = std::chrono::steady_clock::now();
  const at::Device device = device_of(recipe.device, world);
  const ModelFolder folder = ModelFolder::open(recipe.model);
  Classifier pretrained = Classifier::load(folder);
  pretrained.to(device);
  const Json identity = run_identity(recipe, folder);
  progress.say("model: " + printable(recipe.model.string()) + " (" +
               model_line(folder, pretrained) + ") on " + device.str() + ", " +
               std::to_string(threads()) + " threads");
  const std::vector<std::string> model_notes = open_weights(folder).notes();
  for (const std::string& note : model_notes) progress.say("note: model: " + printable(note));
  const std::vector<TrainingRun> runs = checked_runs(recipe, pretrained);
  std::optional<RunFolder> run_folder;
  if (!plan_only) run_folder.emplace(out, recipe, identity);
  const DataSets data = load_data(recipe, progress);
  agree_on_runs(world, identity, runs, pretrained, data.train.size());
  JointTraining joint(world);
  if (world.size() > 1)
    progress.say("every model is trained by " + std::to_string(world.size()) + " processes");
  print_plan(recipe, runs, data, folder.feature_size, progress);
  std::vector<TrainingRun> unfinished;
  for (const TrainingRun& run : runs)
    if (!run_folder || !fs::exists(run_folder->run(run.id) / "result.json"))
      unfinished.push_back(run);
  if (!unfinished.empty()) {
    const Calibration speed =
        calibrate(recipe, data, pretrained, unfinished.front().settings, progress);
    const double seconds =
        expected_seconds(unfinished, speed, data.train.size(), data.held_out.set.size(),
                         data.test_rows(), static_cast<std::int64_t>(runs.size()) + 3);
    progress.say("expected: about " + human_duration(seconds) + " (" + fixed(speed.training, 0) +
                 " images/s in training, " + fixed(speed.evaluation, 0) + " in evaluation)");
  }
  if (plan_only) return {};

  const SweepPlan plan = sweep_plan(recipe, identity, runs);
  publish_plan(out, plan);
  const TrainContext context{recipe, identity, *run_folder, data, pretrained, progress, &joint};

  // Every choice is made here, on held-out data ...
  const TrainedModels trained = train_together(context, runs, plan);
  std::vector<TrainedModel> models = choose_learning_rates(runs, trained.runs);
  if (trained.probe) models.insert(models.begin(), *trained.probe);
  std::vector<TrainedModel> candidates;
  if (recipe.include_init && trained.probe) candidates.push_back(*trained.probe);
  for (const TrainedModel& model : trained.runs)
    if (model.kind == RowKind::search) candidates.push_back(model);
  std::vector<Soup> soups;
  if (candidates.size() > 1) soups = make_soups(context, candidates);

  // ... and only now are the test sets looked at.
  RunReport report;
  report.title = recipe.title;
  report.model = model_line(folder, pretrained);
  report.classes = data.train.classes();
  report.recipe = recipe.text;
  report.notes = data.notes;
  report.lost = trained.lost;
  for (const std::string& lost : trained.lost) report.notes.push_back("lost: " + lost);
  if (recipe.held_out_is_ood)
    report.out_of_protocol =
        "Out of protocol: penalties, learning rates, epochs and soup members were chosen on OOD "
        "data (val), which a user of the methods would not have.";
  // First, as it leaves most of the logits that evaluation wants.
  if (recipe.diagnoses()) report.mechanism = mechanism_of(context, models, report.notes);
  evaluate_all(context, models, candidates, soups, report);
  report.comparisons = compare_methods(report, stored_right(out));
  if (report.mechanism) add_models_table(models, report, *report.mechanism);
  add_gallery(context, chosen_model(report), report);
  add_versions(report, recipe, pretrained, world.size());
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  write_reports(report, out);
  return report;
}

}  // namespace stockpot
