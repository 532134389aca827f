#include "cli/learned_start.h"

#include <algorithm>

#include "cli/logits_of_models.h"
#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/blend/ensemble_problem.h"
#include "stockpot/blend/optimizers.h"
#include "stockpot/eval/set_rows.h"

namespace stockpot::cli {
namespace {

const Json& member(const Json& json, const char* name, const fs::path& file) {
  const Json* found = json.find(name);
  if (found == nullptr) throw FormatError(file, "has no member '" + std::string(name) + "'");
  return *found;
}

std::vector<double> uniform_over(const std::vector<std::size_t>& chosen, std::size_t models) {
  std::vector<double> alpha(models);
  for (const std::size_t i : chosen) alpha[i] = 1 / static_cast<double>(chosen.size());
  return alpha;
}

// The greedy soup's ingredients and the best model alone, matched by what the files hold.
void take_greedy_folder(const StartWork& work, LearnedStart& start,
                        std::vector<std::size_t>& chosen) {
  const fs::path file = work.args.greedy / "result.json";
  const Json result = Json::read(file);
  const auto index_of = [&](const std::string& content) -> std::optional<std::size_t> {
    const auto found = std::ranges::find(work.keys, content);
    if (found == work.keys.end()) return std::nullopt;
    return static_cast<std::size_t>(found - work.keys.begin());
  };
  const auto& ingredients = member(result, "ingredients", file).items();
  for (const Json& candidate : member(result, "candidates", file).items()) {
    const Json& name = member(candidate, "name", file);
    const auto index = index_of(member(candidate, "content", file).as_string());
    if (std::ranges::find(ingredients, name) != ingredients.end()) {
      if (!index)
        throw UsageError(printable(file.native()) + ": the ingredient " +
                         printable(name.as_string()) + " is none of the models given");
      chosen.push_back(*index);
    }
    const Json& alone = member(candidate, "alone", file);
    const Json *correct = alone.find("correct"), *total = alone.find("total");
    if (!index || correct == nullptr || total == nullptr ||
        total->as_integer() != work.held_out.set.size())
      continue;
    const Accuracy accuracy{correct->as_integer(), total->as_integer()};
    if (start.best && accuracy.correct <= start.best_accuracy.correct) continue;
    start.best = index;
    start.best_accuracy = accuracy;
  }
}

void take_chosen(const StartWork& work, std::vector<std::size_t>& chosen) {
  for (const fs::path& path : work.args.chosen) {
    const auto& models = work.args.models;
    const auto found = std::ranges::find_if(models, [&](const fs::path& model) {
      return model.lexically_normal() == path.lexically_normal();
    });
    if (found == models.end())
      throw UsageError("--chosen " + printable(path.native()) + " is none of the models given");
    chosen.push_back(static_cast<std::size_t>(found - models.begin()));
  }
}

LearnedStart greedy_start(const StartWork& work) {
  LearnedStart start;
  std::vector<std::size_t> chosen;
  if (work.args.greedy.empty() == work.args.chosen.empty())
    throw UsageError("--start greedy needs --greedy FOLDER, or each ingredient as --chosen MODEL");
  if (!work.args.greedy.empty())
    take_greedy_folder(work, start, chosen);
  else
    take_chosen(work, chosen);
  if (chosen.empty()) throw UsageError("the greedy soup has no ingredients: nothing to start from");
  start.alpha = uniform_over(chosen, work.folders.size());
  Json names = Json::array();
  for (const std::size_t i : chosen) names.push(work.folders[i].path.native());
  start.description = Json::object({{"kind", "greedy"}, {"ingredients", std::move(names)}});
  return start;
}

Predictions computed_logits(const StartWork& work, std::size_t i) {
  Classifier model = Classifier::load(work.folders[i]);
  model.to(work.device);
  EvalOptions eval;
  eval.bf16 = work.bf16;
  eval.on_batch = [&](std::int64_t done, std::int64_t total) {
    work.progress.status("logits of model " + std::to_string(i + 1) + " of " +
                         std::to_string(work.folders.size()) + ": " + grouped(done) + "/" +
                         grouped(total));
  };
  return predict(model, work.held_out.set, eval);
}

LearnedStart ensemble_start(const StartWork& work, const Form form) {
  LearnedStart start;
  std::vector<Predictions> all;
  Predictions wanted = set_rows(work.held_out.set);
  wanted.arithmetic = arithmetic_of(work.device, work.bf16);
  LogitsOfModels logits(work.args.logits, work.folders, work.keys, std::move(wanted),
                        work.progress);
  for (std::size_t i = 0; i < work.folders.size(); ++i) {
    if (stop_requested()) throw Interrupted("stopped before learning a soup");
    std::optional<Predictions> stored = logits(i);
    all.push_back(stored ? std::move(*stored) : computed_logits(work, i));
    const Accuracy alone = accuracy(all.back());
    if (start.best && alone.correct <= start.best_accuracy.correct) continue;
    start.best = i;
    start.best_accuracy = alone;
    start.best_loss = negative_log_likelihood(all.back());
  }
  const EnsembleSolution solution = solve_ensemble(all, form, !work.args.no_temperature);
  start.alpha = solution.alpha;
  start.beta = solution.beta;
  start.description = Json::object({{"kind", "ensemble"},
                                    {"loss", solution.loss},
                                    {"uniform_loss", solution.uniform},
                                    {"iterations", solution.iterations}});
  work.progress.say("logits of the ensemble: loss " + fixed(solution.loss, 4) +
                    " with the best weights, " + fixed(solution.uniform, 4) + " with equal ones");
  return start;
}

}  // namespace

Json LearnedStart::to_json() const {
  Json json = Json::object({{"alpha", numbers_json(alpha)},
                            {"beta", beta},
                            {"best", nullptr},
                            {"description", description}});
  if (best)
    json.set("best", Json::object({{"model", static_cast<std::int64_t>(*best)},
                                   {"loss", best_loss},
                                   {"correct", best_accuracy.correct},
                                   {"total", best_accuracy.total}}));
  return json;
}

LearnedStart LearnedStart::from_json(const Json& json) {
  LearnedStart start;
  for (const Json& value : json.find("alpha")->items()) start.alpha.push_back(value.as_number());
  start.beta = json.find("beta")->as_number();
  start.description = *json.find("description");
  const Json& best = *json.find("best");
  if (best.is_null()) return start;
  start.best = static_cast<std::size_t>(best.find("model")->as_integer());
  start.best_loss = best.find("loss")->as_number();
  start.best_accuracy = {best.find("correct")->as_integer(), best.find("total")->as_integer()};
  return start;
}

LearnedStart find_start(const StartWork& work) {
  if (work.args.start == "greedy") return greedy_start(work);
  if (work.args.start == "ensemble") return ensemble_start(work, *form_from(work.args.form));
  LearnedStart start;
  start.alpha.assign(work.folders.size(), 1 / static_cast<double>(work.folders.size()));
  start.description = Json::object({{"kind", "uniform"}});
  return start;
}

}  // namespace stockpot::cli
