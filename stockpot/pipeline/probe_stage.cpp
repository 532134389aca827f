#include "stockpot/pipeline/probe_stage.h"

#include <ATen/ops/empty.h>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/pipeline/metrics_log.h"
#include "stockpot/train/probe.h"

namespace stockpot {
namespace {

constexpr const char* kHeadsFile = "path.safetensors";

std::string percent(const Accuracy& accuracy) { return fixed(100 * accuracy.value(), 2) + " %"; }

EvalOptions eval_options(const TrainContext& context) {
  EvalOptions eval;
  eval.bf16 = context.recipe.bf16;
  return eval;
}

at::Tensor labels_of(const ImageDataset& set) {
  at::Tensor labels = at::empty({set.size()}, at::kLong);
  auto* out = labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < set.size(); ++i) out[i] = set.label(i);
  return labels;
}

void write_path(const ProbeResult& fitted, const fs::path& folder) {
  MetricsLog metrics(folder);
  for (const ProbePoint& point : fitted.path)
    metrics.write(Json::object({{"c", point.c},
                                {"objective", point.objective},
                                {"iterations", point.iterations},
                                {"converged", point.converged},
                                {"train_accuracy", point.train.value()},
                                {"held_out_correct", point.held_out.correct},
                                {"held_out_accuracy", point.held_out.value()}}));
}

Json details_of(const ProbeResult& fitted, const std::string& scaling) {
  Json path = Json::array();
  for (const ProbePoint& point : fitted.path)
    path.push(Json::object({{"c", point.c},
                            {"converged", point.converged},
                            {"train", to_json(point.train)},
                            {"held_out", to_json(point.held_out)}}));
  return Json::object({{"chosen", static_cast<std::int64_t>(fitted.chosen)},
                       {"c", fitted.path[fitted.chosen].c},
                       {"scaling", scaling},
                       {"path", std::move(path)}});
}

const Json& need(const Json& json, const char* key, const fs::path& file) {
  if (const Json* value = json.find(key)) return *value;
  throw FormatError(file, std::string("no '") + key + "' in the linear probe's details");
}

}  // namespace

at::Tensor probe_features(const TrainContext& context, const ImageDataset& set) {
  const fs::path& elsewhere = context.recipe.feature_cache;
  const FeatureCache cache{
      .folder = elsewhere.empty() ? context.folder.path() / "features" : elsewhere,
      .notice = [&](const std::string& text) { context.progress.say("LP: " + text); }};
  Classifier model = context.pretrained.clone();
  return cached_features(model, set, eval_options(context), cache);
}

std::string heads_not_kept(std::size_t penalties, std::int64_t classes, std::int64_t features) {
  const std::uint64_t bytes = sizeof(float) * penalties * static_cast<std::uint64_t>(classes) *
                              static_cast<std::uint64_t>(features + 1);
  if (bytes <= kMostHeadBytes) return "";
  return "the heads of all " + grouped(static_cast<std::int64_t>(penalties)) +
         " penalties of the linear probe would take " + human_bytes(bytes) +
         " and are not kept (limit " + human_bytes(kMostHeadBytes) +
         "): its path is told for the held-out set only";
}

FittedProbe train_probe(const TrainContext& context, Classifier& model, const TrialRun& run) {
  context.progress.status("LP: features of the training and held-out pictures");
  const ImageDataset &train = context.data.train, &held_out = context.data.held_out.set;
  const at::Tensor features = probe_features(context, train).to(model.device());
  const at::Tensor held_out_features = probe_features(context, held_out).to(model.device());
  ProbeOptions options;
  options.c = context.recipe.probe_c;
  options.scaling = context.recipe.probe_scaling == "per_feature" ? ProbeScaling::per_feature
                                                                  : ProbeScaling::global;
  const auto classes = static_cast<std::int64_t>(train.classes().size());
  const std::string without_heads = heads_not_kept(options.c.size(), classes, features.size(1));
  options.keep_all = without_heads.empty();
  const ProbeResult fitted =
      fit_probe(features, labels_of(train), held_out_features, labels_of(held_out), classes,
                options, [&](const ProbePoint& point) {
                  context.progress.status("LP: C = " + significant(point.c, 3) + ", held-out " +
                                          percent(point.held_out));
                });
  run.require_still_mine();
  write_path(fitted, run.folder());
  if (options.keep_all) write_probe_heads(run.folder() / kHeadsFile, fitted.heads);
  model.set_head(train.classes(), fitted.weight, fitted.bias);

  const ProbePoint& chosen = fitted.path[fitted.chosen];
  FittedProbe probe;
  probe.held_out = chosen.held_out;
  probe.choices.emplace_back("C", significant(chosen.c, 3) + " of " +
                                      std::to_string(fitted.path.size()) + " from " +
                                      significant(fitted.path.front().c, 3) + " to " +
                                      significant(fitted.path.back().c, 3));
  probe.choices.emplace_back("scaling of features", context.recipe.probe_scaling);
  probe.warnings = fitted.warnings;
  if (!without_heads.empty()) probe.warnings.push_back(without_heads);
  probe.details = details_of(fitted, context.recipe.probe_scaling);
  return probe;
}

ProbeOnSets::ProbeOnSets(const TrainContext& context, fs::path run)
    : context_(context), model_(context, run, [this](Classifier& model, const ImageDataset& set) {
        return predict_from_features(model, set, features_, eval_options(context_));
      }) {
  const fs::path file = run / "result.json", heads = run / kHeadsFile;
  const Json result = Json::read(file);
  const Json* details = result.find("details");
  if (!details || !details->find("path")) return;
  std::error_code error;
  if (fs::exists(heads, error)) heads_ = read_probe_heads(heads);
  ReportedProbePath path;
  path.scaling = need(*details, "scaling", file).as_string();
  path.chosen = static_cast<std::size_t>(need(*details, "chosen", file).as_integer());
  for (const Json& point : need(*details, "path", file).items()) {
    path.points.push_back({need(point, "c", file).as_number(),
                           need(point, "converged", file).as_bool(),
                           accuracy_from_json(need(point, "train", file)),
                           {}});
    held_out_.push_back(accuracy_from_json(need(point, "held_out", file)));
  }
  if ((heads_ && heads_->c.size() != path.points.size()) || path.chosen >= path.points.size())
    throw FormatError(file, "it does not fit the linear probe's heads in " + heads.string());
  path_ = std::move(path);
}

Predictions ProbeOnSets::on(const std::string& name, const ImageDataset& set) {
  features_ = probe_features(context_, set);
  if (path_) score(name, set, features_);
  Predictions predictions = model_.on(name, set);
  features_ = at::Tensor();
  return predictions;
}

void ProbeOnSets::score(const std::string& name, const ImageDataset& set,
                        const at::Tensor& features) {
  const bool chose = name == kHeldOutName;
  if (!chose && !heads_) return;
  const std::vector<Accuracy> scores =
      chose ? held_out_
            : score_probe_heads(*heads_, name, features.to(context_.pretrained.device()),
                                labels_of(set));
  path_->sets.push_back(name);
  for (std::size_t i = 0; i < scores.size(); ++i) path_->points[i].scores.push_back(scores[i]);
}

}  // namespace stockpot
