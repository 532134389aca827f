#include "stockpot/recipe/recipe.h"

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/layers.h"
#include "stockpot/recipe/reader.h"
#include "stockpot/recipe/resolved.h"

namespace stockpot {
namespace {

void read_model(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* model = root.find("model");
  if (!model) {
    problems.add(root, "model is missing: model: {from: FOLDER} names the pretrained model");
    return;
  }
  if (model->kind != YamlNode::Kind::map) {
    if (const auto path = read_path(*model, "model.from", problems)) recipe.model = *path;
    return;
  }
  const MapReader map(*model, "model", model_keys(), problems);
  if (!map.find("from"))
    problems.add(*model, "model.from is missing: the folder of the pretrained model");
  map.get("from", recipe.model);
}

void read_soup(const YamlNode& node, Recipe& recipe, Problems& problems) {
  const MapReader soup(node, "soup", soup_keys(), problems);
  std::string accept;
  if (soup.get("accept", accept)) recipe.accept_strict = accept == "strict";
  soup.get("include_init", recipe.include_init);
  if (recipe.include_init && recipe.search_head)
    problems.add(node, "soup.include_init: the linear probe is not what the search starts from");
}

void read_run(const YamlNode& node, Recipe& recipe, Problems& problems) {
  const MapReader run(node, "run", run_keys(), problems);
  run.get("seed", recipe.seed);
  run.get("seeds", recipe.seeds);
  run.get("device", recipe.device);
  run.get("threads", recipe.threads);
  run.get("bf16", recipe.bf16);
  run.get("jobs", recipe.jobs);
  // Made when it is missing, so it need not exist.
  if (std::string cache; run.get("feature_cache", cache) && !cache.empty())
    recipe.feature_cache = problems.source(*run.find("feature_cache")).folder / cache;
}

void read_checkpoint(const YamlNode& node, Recipe& recipe, Problems& problems) {
  const MapReader checkpoint(node, "checkpoint", checkpoint_keys(), problems);
  checkpoint.get("every", recipe.checkpoint_every);
  checkpoint.get("keep", recipe.checkpoint_keep);
}

void read_on_failure(const YamlNode& node, Recipe& recipe, Problems& problems) {
  const MapReader on_failure(node, "on_failure", on_failure_keys(), problems);
  on_failure.get("retries", recipe.retries);
}

void read_heartbeat(const YamlNode& node, Recipe& recipe, Problems& problems) {
  const MapReader heartbeat(node, "heartbeat", heartbeat_keys(), problems);
  heartbeat.get("every", recipe.heartbeat_every);
  heartbeat.get("stale_after", recipe.heartbeat_stale);
  if (heartbeat && recipe.heartbeat_stale <= recipe.heartbeat_every)
    problems.add(node, "heartbeat.stale_after should be longer than heartbeat.every");
}

// Sections that may be left out; `soup:` with nothing behind it takes away that of a base.
void read_optional(const YamlNode& root, const char* key, Recipe& recipe, Problems& problems,
                   void (*read)(const YamlNode&, Recipe&, Problems&)) {
  if (const YamlNode* node = root.find(key); node && node->kind != YamlNode::Kind::null)
    read(*node, recipe, problems);
}

void read_title(const YamlNode& root, const std::filesystem::path& file, Recipe& recipe,
                Problems& problems) {
  if (const YamlNode* title = root.find("title")) {
    if (title->kind == YamlNode::Kind::map || title->kind == YamlNode::Kind::list)
      wrong_type(*title, "title", "text", problems);
    recipe.title = title->text;
  }
  if (recipe.title.empty()) recipe.title = file.stem().string();
}

// The same file by whatever path the recipe names it.
std::string identity_of(const std::filesystem::path& path) {
  return path.empty() ? "" : std::filesystem::absolute(path).lexically_normal().string();
}

Json source_identity(const DataSpec& data) {
  Json sources = Json::array();
  for (const SourceSpec& source : data.sources) {
    Json json = Json::object({{"path", identity_of(source.path)},
                              {"splits", identity_of(source.splits)},
                              {"split", source.split},
                              {"root", identity_of(source.root)}});
    Json corruptions = Json::array();
    for (const Corruption& corruption : source.corruptions) corruptions.push(to_text(corruption));
    if (!source.corruptions.empty()) json.set("corrupt", corruptions);
    sources.push(json);
  }
  Json map = Json::object();
  for (const auto& [from, to] : data.class_map) map.set(from, to);
  Json set =
      Json::object({{"sources", sources}, {"class_map", map}, {"skip", data.skip_unreadable}});
  if (data.only_mapped) set.set("only_mapped", true);
  return set;
}

Recipe read_root(const YamlNode& root, const std::filesystem::path& file, Problems& problems) {
  Recipe recipe;
  recipe.file = file;
  check_keys(root, "the recipe", names_of(root_keys()), problems);
  const YamlNode* version = root.find("version");
  if (!version || version->kind != YamlNode::Kind::integer || version->integer != 1)
    problems.add(version ? *version : root, "version: 1 is required");
  read_title(root, file, recipe, problems);
  read_model(root, recipe, problems);
  read_data_sets(root, recipe, problems);
  if (const YamlNode* train = root.find("train"))
    read_settings(*train, "train", recipe.settings, {}, problems);
  read_methods(root, recipe, problems);
  read_search(root, recipe, problems);
  if (const YamlNode* diagnose = root.find("diagnose")) {
    if (diagnose->kind == YamlNode::Kind::boolean)
      recipe.diagnose = diagnose->boolean;
    else
      wrong_type(*diagnose, "diagnose", "true or false", problems);
  }
  read_optional(root, "soup", recipe, problems, read_soup);
  read_optional(root, "run", recipe, problems, read_run);
  read_optional(root, "checkpoint", recipe, problems, read_checkpoint);
  read_optional(root, "on_failure", recipe, problems, read_on_failure);
  read_optional(root, "heartbeat", recipe, problems, read_heartbeat);
  return recipe;
}

}  // namespace

std::vector<double> default_probe_path() {
  std::vector<double> c;
  for (int i = 0; i < 100; ++i) c.push_back(std::pow(10.0, -7 + 9 * static_cast<double>(i) / 99));
  return c;
}

Recipe Recipe::parse(const std::string& text, const std::filesystem::path& file,
                     const std::vector<std::string>& overrides) {
  Problems problems(file);
  const YamlNode root = read_layers(text, file, overrides, problems);
  Recipe recipe = read_root(root, file, problems);
  problems.throw_if_any();
  recipe.origins = origins_of(root, problems);
  recipe.text = problems.source_count() == 1 ? text : resolved_yaml(recipe);
  return recipe;
}

Recipe Recipe::read(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return parse(read_file(file, std::uint64_t{16} << 20), file, overrides);
}

Json Recipe::identity() const {
  const auto part = [](const SplitOff& split) {
    return Json::object({{"fraction", split.fraction}, {"seed", split.seed}});
  };
  Json identity =
      Json::object({{"model", identity_of(model)},
                    {"train", source_identity(train)},
                    {"held_out", held_out ? source_identity(*held_out) : part(held_out_split)}});
  // An ID test set of its own is only reported on; one split off changes what is trained on.
  if (id_test_split.fraction > 0) identity.set("id_test", part(id_test_split));
  return identity;
}

TrainSettings search_run(const Recipe& recipe, std::int64_t i) {
  TrainSettings settings = recipe.search_settings;
  for (const auto& [key, value] :
       recipe.search_space.sample(recipe.search_seed, static_cast<std::uint64_t>(i)))
    settings.set(key, value);
  return settings;
}

}  // namespace stockpot
