#include "stockpot/pipeline/soup_stage.h"

#include <algorithm>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/merge/sum.h"

namespace stockpot {

struct SoupScorer::State {
  std::vector<Ingredient> ingredients;
  const HeldOut& held_out;
  EvalOptions eval;
  Progress& progress;
  Classifier model;  // takes the weights of each candidate soup
  ModelSum sum;
  std::vector<std::size_t> members;  // of `sum`

  // Brings the sum to exactly these members: greedy walks only append, a fresh start resets.
  void sync(std::span<const std::size_t> wanted) {
    if (members.size() > wanted.size() ||
        !std::equal(members.begin(), members.end(), wanted.begin())) {
      sum = ModelSum();
      members.clear();
    }
    for (std::size_t i = members.size(); i < wanted.size(); ++i) {
      sum.add(open(wanted[i]));
      members.push_back(wanted[i]);
    }
  }
  Checkpoint open(std::size_t i) const { return Checkpoint::open(ingredients[i].folder); }
};

SoupScorer::SoupScorer(std::vector<Ingredient> ingredients, const HeldOut& held_out,
                       at::Device device, bool bf16, Progress& progress) {
  const ModelFolder first = ModelFolder::open(ingredients.front().folder);
  for (const Ingredient& ingredient : ingredients)
    require_same_labels(first, ModelFolder::open(ingredient.folder));
  Classifier model = Classifier::load(first);
  model.to(device);
  EvalOptions eval;
  eval.bf16 = bf16;
  state_.reset(
      new State{std::move(ingredients), held_out, eval, progress, std::move(model), {}, {}});
}

SoupScorer::~SoupScorer() = default;

Accuracy SoupScorer::operator()(std::span<const std::size_t> ingredients) {
  State& state = *state_;
  if (stop_requested()) throw Interrupted("stopped while looking for the greedy soup");
  state.progress.status("scoring " + std::to_string(ingredients.size()) + " ingredients with " +
                        state.ingredients[ingredients.back()].name);
  state.sync(ingredients.first(ingredients.size() - 1));
  state.model.load_state(state.sum.mean_with(state.open(ingredients.back())));
  return accuracy(predict(state.model, state.held_out.set, state.eval));
}

Classifier SoupScorer::mean(std::span<const std::size_t> ingredients) {
  state_->sync(ingredients);
  state_->model.load_state(state_->sum.mean());
  return state_->model.clone();
}

void publish_soup(const Soup& soup, const Classifier& model, const Json& inputs) {
  PendingFolder pending(soup.folder);
  model.save(pending.path() / "model");
  Json ingredients = Json::array(), ledger = Json::array();
  for (const std::string& name : soup.ingredients) ingredients.push(name);
  for (const LedgerEntry& entry : soup.ledger) ledger.push(entry.to_json());
  if (!soup.ledger.empty()) write_file(pending.path() / "ledger.json", ledger.dump(2) + "\n");
  write_file(pending.path() / "result.json", Json::object({{"schema_version", 1},
                                                           {"stockpot", kVersion},
                                                           {"method", soup.id},
                                                           {"inputs", inputs},
                                                           {"held_out", to_json(soup.held_out)},
                                                           {"ingredients", ingredients}})
                                                     .dump(2) +
                                                 "\n");
  pending.publish();
}

std::vector<Soup> make_soups(const TrainContext& context,
                             const std::vector<TrainedModel>& candidates) {
  std::vector<Ingredient> ingredients;
  std::vector<Candidate> table;
  Json names = Json::array();
  for (const TrainedModel& model : candidates) {
    ingredients.push_back({model.id, model.folder / "model", model.held_out});
    table.push_back({model.id, model.held_out});
    names.push(Json::object({{"name", model.id}, {"held_out", to_json(model.held_out)}}));
  }
  const Json inputs = Json::object({{"identity", context.identity},
                                    {"candidates", names},
                                    {"accept", context.recipe.accept_strict ? "strict" : "ties"}});
  SoupScorer scorer(ingredients, context.data.held_out, context.pretrained.device(),
                    context.recipe.bf16, context.progress);

  Soup uniform{"uniform", "uniform soup", context.folder.soup("uniform"), {}, {}, {}};
  for (const Ingredient& ingredient : ingredients) uniform.ingredients.push_back(ingredient.name);
  if (const auto result = context.folder.finished(uniform.folder, inputs)) {
    uniform.held_out = accuracy_from_json(*result->find("held_out"));
  } else {
    std::vector<std::size_t> all(ingredients.size());
    std::iota(all.begin(), all.end(), 0);
    uniform.held_out = scorer(all);
    publish_soup(uniform, scorer.mean(all), inputs);
  }

  // The walk is cheap beside training: it is made again to have its ledger, and the model
  // is written when it is not there yet.
  Soup greedy{"greedy", "greedy soup", context.folder.soup("greedy"), {}, {}, {}};
  const auto finished = context.folder.finished(greedy.folder, inputs);
  GreedyResult walk = greedy_soup(
      table, [&](std::span<const std::size_t> members) { return scorer(members); },
      context.recipe.accept_strict ? Accept::strict : Accept::ties);
  greedy.held_out = walk.held_out;
  greedy.ledger = std::move(walk.ledger);
  for (const std::size_t i : walk.ingredients) greedy.ingredients.push_back(ingredients[i].name);
  if (!finished) publish_soup(greedy, scorer.mean(walk.ingredients), inputs);
  context.progress.say("soups of " + std::to_string(ingredients.size()) + " models: uniform " +
                       fixed(100 * uniform.held_out.value(), 2) + " %, greedy (" +
                       std::to_string(greedy.ingredients.size()) + " ingredients) " +
                       fixed(100 * greedy.held_out.value(), 2) + " % held-out");
  return {uniform, greedy};
}

}  // namespace stockpot
