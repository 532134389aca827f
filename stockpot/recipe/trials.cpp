#include "stockpot/recipe/trials.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "stockpot/base/hash.h"
#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {
namespace {

Json settings_json(const TrainSettings& settings) {
  Json json = Json::object();
  for (const auto& [key, value] : settings.all()) json.set(key, value);
  return json;
}

// Of heads by their files: the trials of a search share one, which may be as large as a model.
class HeadIdentities {
 public:
  const Json& of(const std::optional<HeadFile>& head) {
    static const Json none;
    if (!head) return none;
    const auto known = std::ranges::find(known_, *head, &std::pair<HeadFile, Json>::first);
    return known != known_.end() ? known->second
                                 : known_.emplace_back(*head, head_identity(*head)).second;
  }

 private:
  std::vector<std::pair<HeadFile, Json>> known_;
};

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(std::llround(1000 * seconds));
}

}  // namespace

Json run_identity(const Recipe& recipe, const ModelFolder& model) {
  Json identity = recipe.identity();
  Json weights = Json::array();
  const Checkpoint checkpoint = Checkpoint::open(model.path);
  for (const fs::path& file : checkpoint.files()) weights.push(sha256(MappedFile(file).bytes()));
  identity.set("model_sha256", weights);
  return identity;
}

Json probe_params(const Recipe& recipe, const Json& identity) {
  Json penalties = Json::array();
  for (const double c : recipe.probe_c) penalties.push(c);
  Json params = Json::object({{"identity", identity}, {"c", penalties}});
  // Left out where it is the default: so were folders written before there was a choice.
  if (recipe.probe_scaling != "global") params.set("scaling", recipe.probe_scaling);
  return params;
}

Json run_params(const Recipe& recipe, const Json& identity, const TrainingRun& run,
                const Json& head) {
  Json params = Json::object({{"identity", identity},
                              {"settings", settings_json(run.settings)},
                              {"seed", run.seed},
                              {"bf16", recipe.bf16}});
  if (run.from_probe) {
    const Json probe = probe_params(recipe, identity);
    params.set("probe_c", *probe.find("c"));
    if (const Json* scaling = probe.find("scaling")) params.set("probe_scaling", *scaling);
  }
  if (!head.is_null()) params.set("head", head);
  return params;
}

std::vector<Trial> trials_of(const Recipe& recipe, const Json& identity,
                             const std::vector<TrainingRun>& runs) {
  std::vector<Trial> trials;
  HeadIdentities heads;
  if (recipe.lp) trials.push_back({kProbeTrial, probe_params(recipe, identity), {}, 1});
  for (const TrainingRun& run : runs) {
    Trial trial{run.id,
                run_params(recipe, identity, run, heads.of(run.head)),
                {},
                static_cast<double>(run.settings.epochs)};
    if (run.from_probe) trial.needs = {kProbeTrial};
    trials.push_back(std::move(trial));
  }
  return trials;
}

SweepPlan sweep_plan(const Recipe& recipe, const Json& identity,
                     const std::vector<TrainingRun>& runs) {
  SweepPlan plan;
  // A recipe made from flags has no file.
  const fs::path file =
      recipe.file.empty() ? fs::path() : fs::absolute(recipe.file).lexically_normal();
  plan.origin = Json::object({{"recipe", file.string()}, {"jobs", recipe.jobs}});
  plan.retries = static_cast<int>(recipe.retries);
  plan.heartbeat = {milliseconds_of(recipe.heartbeat_every),
                    milliseconds_of(recipe.heartbeat_stale)};
  plan.trials = trials_of(recipe, identity, runs);
  return plan;
}

SweepPlan sweep_plan(const Recipe& recipe) {
  const ModelFolder model = ModelFolder::open(recipe.model);
  const bool has_batchnorm = std::holds_alternative<ResNetConfig>(model.architecture);
  return sweep_plan(recipe, run_identity(recipe, model), plan_runs(recipe, has_batchnorm));
}

}  // namespace stockpot
