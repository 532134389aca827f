#include "stockpot/recipe/resolved.h"

#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"
#include "stockpot/recipe/yaml_text.h"

namespace stockpot {
namespace {

Json path_json(const std::filesystem::path& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push(value);
  return list;
}

Json words(const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const std::string& value : values) list.push(value);
  return list;
}

Json source_json(const SourceSpec& source) {
  constexpr const char* kForms[] = {"path", "imagefolder", "tar", "csv"};
  Json json = Json::object();
  json.set(kForms[static_cast<std::size_t>(source.kind)], path_json(source.path));
  if (!source.splits.empty()) json.set("splits", path_json(source.splits));
  if (!source.split.empty()) json.set("split", source.split);
  if (!source.group.empty()) json.set("group", source.group);
  if (!source.root.empty()) json.set("root", path_json(source.root));
  Json corruptions = Json::array();
  for (const Corruption& corruption : source.corruptions) corruptions.push(to_text(corruption));
  if (!source.corruptions.empty()) json.set("corrupt", corruptions);
  return json;
}

// Classes and on_bad are of the whole set: they stand with its first source.
Json set_json(const DataSpec& data) {
  Json list = Json::array();
  for (const SourceSpec& source : data.sources) {
    Json json = source_json(source);
    if (list.items().empty()) {
      Json classes = Json::object();
      for (const auto& [from, to] : data.class_map) classes.set(from, to.empty() ? Json() : to);
      if (!data.class_map.empty()) json.set("class_map", classes);
      if (data.only_mapped) json.set("only_mapped", true);
      json.set("on_bad", data.skip_unreadable ? "skip" : "error");
    }
    list.push(json);
  }
  return list.items().size() == 1 ? list.items().front() : list;
}

Json part_json(const std::optional<DataSpec>& set, const SplitOff& split) {
  if (set) return set_json(*set);
  return Json::object(
      {{"split_from", "train"}, {"fraction", split.fraction}, {"seed", split.seed}});
}

Json data_json(const Recipe& recipe) {
  Json test = Json::object();
  if (recipe.id_test || recipe.id_test_split.fraction > 0)
    test.set("id", part_json(recipe.id_test, recipe.id_test_split));
  Json ood = Json::object();
  for (const auto& [name, set] : recipe.ood) ood.set(name, set_json(set));
  if (!recipe.ood.empty()) test.set("ood", ood);
  Json data = Json::object({{"train", set_json(recipe.train)},
                            {"val", part_json(recipe.held_out, recipe.held_out_split)}});
  if (recipe.held_out_is_ood) data.set("val_is_ood", true);
  if (!test.members().empty()) data.set("test", test);
  data.set("memory", recipe.data_memory);
  return data;
}

// The settings in which `own` differs from `shared`.
void add_differences(const TrainSettings& own, const TrainSettings& shared, Json& json) {
  const auto mine = every_setting(own), theirs = every_setting(shared);
  for (std::size_t i = 0; i < mine.size(); ++i)
    if (!(mine[i].second == theirs[i].second)) json.set(mine[i].first, mine[i].second);
}

Json head_json(const HeadFile& head) {
  Json json = Json::object({{"from", path_json(head.file)}});
  if (!head.weight.empty()) json.set("weight", head.weight);
  if (!head.bias.empty()) json.set("bias", head.bias);
  if (!head.rows.empty()) json.set("rows", head.rows);
  if (!head.classes.empty()) json.set("classes", path_json(head.classes));
  if (head.scale != 1) json.set("scale", head.scale);
  return json;
}

Json start_json(const FineTuneMethod& method) {
  if (method.head) return head_json(*method.head);
  return method.from_probe ? "lp" : "random";
}

Json method_json(const FineTuneMethod& method, const Recipe& recipe) {
  Json json = Json::object({{"like", method.kind == RunKind::lpft ? "lpft" : "ft"},
                            {"title", method.title},
                            {"head", start_json(method)},
                            {"lr", numbers(method.learning_rates)},
                            {"batchnorm", words(method.batchnorm)}});
  TrainSettings own = method.settings;
  // These two have their lists above.
  own.lr = recipe.settings.lr;
  own.batchnorm = recipe.settings.batchnorm;
  add_differences(own, recipe.settings, json);
  return json;
}

Json methods_json(const Recipe& recipe) {
  Json methods = Json::object();
  if (recipe.lp) {
    const bool usual = recipe.probe_c == default_probe_path();
    methods.set("lp",
                Json::object({{"c", usual ? Json::object({{"logspace", Json::Array{-7, 2, 100}}})
                                          : numbers(recipe.probe_c)},
                              {"scaling", recipe.probe_scaling}}));
  }
  if (recipe.ft.wanted) methods.set("ft", method_json(recipe.ft, recipe));
  if (recipe.lpft.wanted) methods.set("lpft", method_json(recipe.lpft, recipe));
  for (const FineTuneMethod& variant : recipe.variants)
    methods.set(variant.name, method_json(variant, recipe));
  return methods;
}

Json search_json(const Recipe& recipe) {
  using Method = SearchSpace::Method;
  const SearchSpace& space = recipe.search_space;
  Json search = Json::object(
      {{"method", space.method == Method::grid   ? "grid"
                  : space.method == Method::list ? "list"
                                                 : "random"},
       {"runs", recipe.search_runs},
       {"from",
        recipe.search_head ? Json::object({{"head", head_json(*recipe.search_head)}}) : Json("lp")},
       {"seed", recipe.search_seed},
       {"seeds", recipe.search_seeds},
       {"vary_seed", recipe.search_vary_seed}});
  Json own = Json::object();
  add_differences(recipe.search_settings, recipe.settings, own);
  if (!own.members().empty()) search.set("train", own);
  if (space.method == Method::list) {
    Json list = Json::array();
    for (const TrialSettings& trial : space.list) {
      Json json = Json::object();
      for (const auto& [key, value] : trial) json.set(key, value);
      list.push(json);
    }
    search.set("list", list);
  } else {
    Json drawn = Json::object();
    for (const auto& [key, distribution] : space.settings) drawn.set(key, distribution.to_json());
    search.set("space", drawn);
  }
  return search;
}

Json duration(double seconds) { return shortest(seconds) + "s"; }

}  // namespace

Json resolved(const Recipe& recipe) {
  Json train = Json::object();
  for (const auto& [key, value] : every_setting(recipe.settings)) train.set(key, value);
  Json json = Json::object({{"version", 1},
                            {"title", recipe.title},
                            {"model", Json::object({{"from", path_json(recipe.model)}})},
                            {"data", data_json(recipe)},
                            {"train", train},
                            {"methods", methods_json(recipe)}});
  if (recipe.search_runs > 0) json.set("search", search_json(recipe));
  json.set("soup", Json::object({{"accept", recipe.accept_strict ? "strict" : "ties"},
                                 {"include_init", recipe.include_init}}));
  if (recipe.diagnose) json.set("diagnose", *recipe.diagnose);
  Json run = Json::object({{"seed", recipe.seed},
                           {"seeds", recipe.seeds},
                           {"device", recipe.device},
                           {"threads", recipe.threads},
                           {"bf16", recipe.bf16},
                           {"jobs", recipe.jobs}});
  if (!recipe.feature_cache.empty()) run.set("feature_cache", path_json(recipe.feature_cache));
  json.set("run", run);
  json.set("checkpoint", Json::object({{"every", duration(recipe.checkpoint_every)},
                                       {"keep", recipe.checkpoint_keep}}));
  json.set("on_failure", Json::object({{"retries", recipe.retries}}));
  json.set("heartbeat", Json::object({{"every", duration(recipe.heartbeat_every)},
                                      {"stale_after", duration(recipe.heartbeat_stale)}}));
  return json;
}

std::string origin_of(const Recipe& recipe, const std::string& path) {
  if (const auto found = recipe.origins.find(path); found != recipe.origins.end())
    return found->second.place;
  // Perhaps a value above it stands for the map that is shown.
  for (std::string above = path; above.find('.') != std::string::npos;) {
    above.resize(above.rfind('.'));
    if (const auto found = recipe.origins.find(above); found != recipe.origins.end())
      return found->second.value ? found->second.place : "default";
  }
  return "default";
}

std::string resolved_yaml(const Recipe& recipe, bool origins) {
  if (!origins) return yaml_text(resolved(recipe));
  return yaml_text(resolved(recipe),
                   [&](const std::string& path) { return origin_of(recipe, path); });
}

}  // namespace stockpot
