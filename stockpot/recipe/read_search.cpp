// The search of a recipe: the runs that soups are made of.
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

// Trials whose settings are looked at for contradictions before anything starts.
constexpr std::int64_t kCheckedTrials = 1000;

void read_list(const YamlNode& node, SearchSpace& space, Problems& problems) {
  if (node.kind != YamlNode::Kind::list || node.items.empty()) {
    problems.add(node, "search.list should be a list of maps of settings");
    return;
  }
  for (const YamlNode& item : node.items) {
    TrainSettings scratch;
    read_settings(item, "search.list", scratch, {}, problems);
    TrialSettings trial;
    for (const auto& [key, value] : item.members) trial.emplace_back(key.text, json_value(value));
    space.list.push_back(trial);
  }
}

void read_method(const MapReader& search, SearchSpace& space) {
  std::string method = search.find("list") && !search.find("method") ? "list" : "random";
  search.get("method", method);
  space.method = method == "grid"   ? SearchSpace::Method::grid
                 : method == "list" ? SearchSpace::Method::list
                                    : SearchSpace::Method::random;
}

bool is_there(const YamlNode* node) { return node && node->kind != YamlNode::Kind::null; }

void read_trials(const MapReader& search, SearchSpace& space, Problems& problems) {
  const YamlNode *listed = search.find("list"), *drawn = search.find("space");
  const bool by_list = space.method == SearchSpace::Method::list;
  if (by_list && is_there(drawn))
    problems.add(*drawn,
                 "search.space is for the methods random and grid; with method list the "
                 "trials stand in search.list");
  if (!by_list && is_there(listed)) problems.add(*listed, "search.list needs method: list");
  if (by_list) {
    if (is_there(listed))
      read_list(*listed, space, problems);
    else
      problems.add(search.node(),
                   "search.list is missing: the settings of each trial, for instance "
                   "[{lr: 1.0e-4}, {lr: 3.0e-4}]");
  } else if (is_there(drawn)) {
    read_space(*drawn, space, problems);
  } else {
    problems.add(search.node(),
                 "search.space is missing: what the runs draw, for instance lr: "
                 "{loguniform: [1.0e-4, 1.0e-3]}");
  }
}

// A grid and a list know their size; `runs` then asks for the first ones of them.
void read_runs(const MapReader& search, Recipe& recipe, Problems& problems) {
  search.get("runs", recipe.search_runs);
  std::optional<std::int64_t> size;
  try {
    size = recipe.search_space.size();
  } catch (const UsageError& error) {
    problems.add(*search.find("space"), "search.space: " + std::string(error.what()));
    return;
  }
  if (!size) {
    if (!search.find("runs"))
      problems.add(search.node(), "search.runs is missing: the number of runs");
    return;
  }
  if (recipe.search_runs > *size)
    problems.add(*search.find("runs"), "search.runs is " + std::to_string(recipe.search_runs) +
                                           ", but there are only " + std::to_string(*size) +
                                           " trials");
  if (recipe.search_runs == 0) recipe.search_runs = *size;
}

const Keys& start_keys() {
  static const Keys keys = {other_key("head", head_schema, "a head of yours, in place of LP's")};
  return keys;
}

Json start_schema() {
  return schema_any_of({schema_of(word_key("", {"lp"}, "")), schema_of(start_keys())});
}

// lp or {head: {from: FILE}}.
void read_start(const YamlNode& node, Recipe& recipe, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    if (node.text != "lp")
      wrong_type(node, "search.from", "'lp' or a map {head: {from: FILE}}", problems);
    return;
  }
  const MapReader start(node, "search.from", start_keys(), problems);
  if (const YamlNode* head = start.find("head"))
    recipe.search_head = read_head_file(*head, "search.from.head", problems);
  else
    problems.add(node, "search.from.head is missing: what the head starts from");
}

void check_trials(const YamlNode& search, const Recipe& recipe, Problems& problems) {
  const std::int64_t checked = std::min(recipe.search_runs, kCheckedTrials);
  for (std::int64_t i = 0; i < checked; ++i) {
    const std::vector<std::string> conflicts = search_run(recipe, i).conflicts();
    if (conflicts.empty()) continue;
    problems.add(search, "search, trial " + std::to_string(i) + ": " + conflicts.front());
    return;
  }
}

}  // namespace

const Keys& search_keys() {
  static const Keys keys = {
      other_key(
          "preset",
          [] {
            const Json name = Json::object({{"type", "string"}});
            return schema_any_of({name, schema_list_of(name)});
          },
          "a search of a paper: see `stockpot config presets`"),
      word_key("method", {"random", "grid", "list"},
               "random draws, every combination of the values, or the trials of `list`"),
      integer_key("runs", 1, static_cast<double>(kMostTrials),
                  "how many trials; for a grid or a list the first ones, all by default"),
      other_key("from", start_schema, "what every run starts from: soups need one initialisation"),
      integer_key("seed", 0, 9.3e18, "of the draws and of training"),
      integer_key("seeds", 1, 1000, "every trial is trained with so many seeds"),
      boolean_key("vary_seed", "trials differ in the order of their data, too"),
      other_key("space", space_schema, "settings and what they draw"),
      other_key(
          "list", [] { return schema_list_of(settings_schema()); }, "the settings of each trial"),
      other_key(
          "train", [] { return settings_schema(); }, "settings of the search alone"),
  };
  return keys;
}

void read_search(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* node = root.find("search");
  recipe.search_settings = recipe.settings;
  // `search:` takes away the search of a base.
  if (!is_there(node)) return;
  const std::size_t before = problems.count();
  const MapReader search(*node, "search", search_keys(), problems);
  if (!search) return;
  read_method(search, recipe.search_space);
  if (const YamlNode* from = search.find("from")) read_start(*from, recipe, problems);
  search.get("seed", recipe.search_seed);
  search.get("seeds", recipe.search_seeds);
  search.get("vary_seed", recipe.search_vary_seed);
  if (const YamlNode* train = search.find("train"))
    read_settings(*train, "search.train", recipe.search_settings, {}, problems);
  read_trials(search, recipe.search_space, problems);
  if (!recipe.lp && !recipe.search_head)
    problems.add(*node, "search starts every run from the linear probe: add methods.lp");
  if (problems.count() > before) {
    std::int64_t ignored = 0;
    search.get("runs", ignored);
    return;
  }
  read_runs(search, recipe, problems);
  if (problems.count() == before) check_trials(*node, recipe, problems);
}

}  // namespace stockpot
