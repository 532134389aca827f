#include "stockpot/pipeline/soup_stage.h"

#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/pipeline/model_on_sets.h"
#include "stockpot/pipeline/picture_scorer.h"
#include "stockpot/soup/search.h"
#include "stockpot/soup/verdict.h"

namespace stockpot {
namespace {

// The candidates as the rooms below know them.
struct Kitchen {
  Kitchen(const TrainContext& run, const std::vector<TrainedModel>& models)
      : context(run), candidates(models) {
    for (const TrainedModel& model : candidates) {
      folders.push_back(ModelFolder::open(model.folder / "model"));
      require_same_labels(folders.front(), folders.back());
      names.push_back(model.id);
      checkpoints.push_back(Checkpoint::open(model.folder / "model"));
      keys.push_back(content_hash(checkpoints.back()));
    }
    plan = plan_soup(checkpoints, Container::safetensors);
    mixer = std::make_unique<SoupMixer>(plan);
    PictureScorerOptions options;
    options.device = context.pretrained.device();
    options.bf16 = context.recipe.bf16;
    options.keys = keys;
    options.shelf = shelf();
    options.known = [this](std::size_t candidate) {
      const Predictions predictions = alone(candidate);
      return ShelvedLogits{predictions.classes, predictions.logits};
    };
    scorer = std::make_unique<PictureScorer>(*mixer, folders.front(), context.data.held_out,
                                             options, context.progress);
  }

  // Logits of a candidate by itself: the report will need them too.
  Predictions alone(std::size_t candidate) const {
    return ModelOnSets(context, candidates[candidate].folder)
        .on(kHeldOutName, context.data.held_out.set);
  }

  fs::path shelf() const { return context.folder.soup("greedy.logits"); }
  fs::path ledger() const { return context.folder.soup("greedy.ledger.jsonl"); }

  const TrainContext& context;
  const std::vector<TrainedModel>& candidates;
  std::vector<ModelFolder> folders;
  std::vector<std::string> names, keys;
  std::vector<Checkpoint> checkpoints;
  MergePlan plan;
  std::unique_ptr<SoupMixer> mixer;
  std::unique_ptr<PictureScorer> scorer;
};

Soup uniform_soup(Kitchen& kitchen, const Json& inputs) {
  const TrainContext& context = kitchen.context;
  Soup soup{"uniform", "uniform soup", context.folder.soup("uniform"), {}, kitchen.names, {}, {}};
  if (const auto result = context.folder.finished(soup.folder, inputs)) {
    soup.held_out = accuracy_from_json(*result->find("held_out"));
    return soup;
  }
  SoupRequest request;
  request.soup.resize(kitchen.names.size());
  std::iota(request.soup.begin(), request.soup.end(), std::size_t{0});
  request.name = "uniform soup";
  soup.held_out = *(*kitchen.scorer)(request).counts;
  publish_soup(soup, kitchen.scorer->mean(request.soup), inputs);
  return soup;
}

// A ledger of other settings is begun anew: what it knows is of no use.
std::unique_ptr<LedgerFile> open_ledger(const fs::path& file, const Json& header,
                                        Progress& progress) {
  fs::create_directories(file.parent_path());
  try {
    auto ledger = std::make_unique<LedgerFile>(file, header);
    if (ledger->warning()) progress.say("warning: " + *ledger->warning());
    return ledger;
  } catch (const UsageError&) {
    return std::make_unique<LedgerFile>(file, header, /*anew=*/true);
  }
}

Soup greedy_soup_of(Kitchen& kitchen, const Json& inputs) {
  const TrainContext& context = kitchen.context;
  Soup soup{"greedy", "greedy soup", context.folder.soup("greedy"), {}, {}, {}, {}};
  const Json header = Json::object({{"ledger", 1}, {"evaluator", kitchen.scorer->description()}});
  const auto file = open_ledger(kitchen.ledger(), header, context.progress);
  Scorebook book({kitchen.names, kitchen.keys,
                  [&](const SoupRequest& request) { return (*kitchen.scorer)(request); },
                  file.get()});
  SearchOptions options;
  if (context.recipe.accept_strict) options.rule.accept = Accept::strict;
  options.pictures = kitchen.scorer->pictures();
  const SearchResult result = search_soup(kitchen.names, book, options);
  const Walk& walk = result.soup();
  soup.held_out = *walk.held_out.counts;
  soup.ledger = walk.ledger;
  for (const std::size_t i : walk.ingredients) soup.ingredients.push_back(kitchen.names[i]);
  soup.verdict = verdict(result, options.rule, kitchen.keys, book, context.recipe.seed);
  if (!context.folder.finished(soup.folder, inputs))
    publish_soup(soup, kitchen.scorer->mean(walk.ingredients), inputs);
  std::error_code ignored;
  fs::remove_all(kitchen.shelf(), ignored);
  return soup;
}

}  // namespace

void publish_soup(const Soup& soup, const Classifier& model, const Json& inputs) {
  PendingFolder pending(soup.folder);
  model.save(pending.path() / "model");
  Json ingredients = Json::array(), ledger = Json::array(), sentences = Json::array();
  for (const std::string& name : soup.ingredients) ingredients.push(name);
  for (const LedgerEntry& entry : soup.ledger) ledger.push(entry.to_json());
  for (const std::string& sentence : soup.verdict) sentences.push(sentence);
  if (!soup.ledger.empty()) write_file(pending.path() / "ledger.json", ledger.dump(2) + "\n");
  write_file(pending.path() / "result.json", Json::object({{"schema_version", 1},
                                                           {"stockpot", kVersion},
                                                           {"method", soup.id},
                                                           {"inputs", inputs},
                                                           {"held_out", to_json(soup.held_out)},
                                                           {"ingredients", ingredients},
                                                           {"verdict", sentences}})
                                                     .dump(2) +
                                                 "\n");
  pending.publish();
}

std::vector<Soup> make_soups(const TrainContext& context,
                             const std::vector<TrainedModel>& candidates) {
  Json names = Json::array();
  for (const TrainedModel& model : candidates)
    names.push(Json::object({{"name", model.id}, {"held_out", to_json(model.held_out)}}));
  const Json inputs = Json::object({{"identity", context.identity},
                                    {"candidates", names},
                                    {"accept", context.recipe.accept_strict ? "strict" : "ties"}});
  Kitchen kitchen(context, candidates);
  const Soup uniform = uniform_soup(kitchen, inputs);
  const Soup greedy = greedy_soup_of(kitchen, inputs);
  context.progress.say("soups of " + std::to_string(candidates.size()) + " models: uniform " +
                       fixed(100 * uniform.held_out.value(), 2) + " %, greedy (" +
                       std::to_string(greedy.ingredients.size()) + " ingredients) " +
                       fixed(100 * greedy.held_out.value(), 2) + " % held-out");
  for (const std::string& sentence : greedy.verdict)
    context.progress.say("greedy soup: " + sentence);
  return {uniform, greedy};
}

}  // namespace stockpot
