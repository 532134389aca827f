// The methods of a recipe: the linear probe, FT, LP-FT and named variants of them.
#include <algorithm>
#include <cctype>

#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"
#include "stockpot/sweep/preset.h"

namespace stockpot {
namespace {

constexpr double kSmallestPenalty = 1e-15, kLargestPenalty = 1e15;

Json preset_schema() {
  const Json name = Json::object({{"type", "string"}});
  return schema_any_of({name, schema_list_of(name)});
}

Json number_or_numbers(double low, double high) {
  const Json number = schema_of(number_key("", low, high, ""));
  return schema_any_of({number, schema_list_of(number)});
}

Json spaced_schema() {
  const Keys keys = {
      other_key(
          "logspace",
          [] {
            return schema_list_of(Json::object({{"type", "number"}}));
          },
          "[low exponent, high exponent, count]"),
      other_key(
          "linspace",
          [] {
            return schema_list_of(Json::object({{"type", "number"}}));
          },
          "[low, high, count]"),
  };
  return schema_of(keys);
}

const Keys& lp_keys() {
  static const Keys keys = {
      other_key("preset", preset_schema, "a preset, or several"),
      other_key(
          "c",
          [] {
            return schema_any_of(
                {number_or_numbers(kSmallestPenalty, kLargestPenalty), spaced_schema()});
          },
          "increasing penalties, chosen on val"),
      word_key("scaling", {"global", "per_feature"},
               "features are divided by one standard deviation, or each by its own"),
  };
  return keys;
}

const Keys& fine_tune_keys() {
  static const Keys keys = {
      other_key("preset", preset_schema, "a preset, or several"),
      word_key("like", {"ft", "lpft"}, "what this is a variant of"),
      text_key("title", "its name in tables"),
      other_key(
          "head",
          [] {
            return schema_any_of({schema_of(word_key("", {"random", "lp"}, "")), head_schema()});
          },
          "what the head starts from: random, lp or one of yours"),
      other_key(
          "lr",
          [] {
            return schema_any_of({number_or_numbers(0, 100), spaced_schema()});
          },
          "learning rates, chosen on val"),
      other_key(
          "batchnorm",
          [] {
            const Json policy = schema_of(word_key("", {"frozen", "live"}, ""));
            return schema_any_of({policy, schema_list_of(policy)});
          },
          "policies, each a method of its own"),
  };
  return keys;
}

// An increasing list of penalties: {logspace: [low, high, count]} or numbers.
void read_penalties(const YamlNode& node, Recipe& recipe, Problems& problems) {
  std::vector<double> c;
  const std::size_t before = problems.count();
  if (node.kind == YamlNode::Kind::map) {
    c = read_spaced(node, "methods.lp.c", problems).value_or(c);
  } else {
    for (const YamlNode* item : one_or_more(node))
      if (const auto value =
              read_number(*item, "methods.lp.c", kSmallestPenalty, kLargestPenalty, problems))
        c.push_back(*value);
  }
  if (problems.count() > before) return;
  if (c.empty()) problems.add(node, "methods.lp.c is empty");
  if (const auto bad = std::ranges::adjacent_find(c, std::greater_equal<>()); bad != c.end())
    problems.add(node, "methods.lp.c should increase from value to value: " + shortest(bad[1]) +
                           " follows " + shortest(bad[0]));
  recipe.probe_c = c;
}

void read_probe(const YamlNode& node, Recipe& recipe, Problems& problems) {
  recipe.lp = node.kind != YamlNode::Kind::boolean || node.boolean;
  if (node.kind == YamlNode::Kind::boolean || node.kind == YamlNode::Kind::null) return;
  const MapReader lp(node, "methods.lp", lp_keys(), problems);
  if (!lp) return;
  if (const YamlNode* c = lp.find("c")) read_penalties(*c, recipe, problems);
  lp.get("scaling", recipe.probe_scaling);
}

// Runs are named by these values.
template <typename T>
void require_each_once(std::vector<T> values, const YamlNode& node, const std::string& what,
                       Problems& problems) {
  std::ranges::sort(values);
  if (std::ranges::adjacent_find(values) != values.end())
    problems.add(node, what + " has a value twice");
}

void read_rates(const YamlNode& node, const std::string& what, FineTuneMethod& method,
                Problems& problems) {
  method.learning_rates.clear();
  if (node.kind == YamlNode::Kind::map) {
    if (const auto rates = read_spaced(node, what + ".lr", problems))
      method.learning_rates = *rates;
    return require_each_once(method.learning_rates, node, what + ".lr", problems);
  }
  if (one_or_more(node).empty()) problems.add(node, what + ".lr is empty");
  for (const YamlNode* item : one_or_more(node))
    if (const auto rate = read_number(*item, what + ".lr", 0, 100, problems))
      method.learning_rates.push_back(*rate);
  require_each_once(method.learning_rates, node, what + ".lr", problems);
}

void read_policies(const YamlNode& node, const std::string& what, FineTuneMethod& method,
                   Problems& problems) {
  method.batchnorm.clear();
  if (one_or_more(node).empty()) problems.add(node, what + ".batchnorm is empty");
  for (const YamlNode* item : one_or_more(node)) {
    if (item->text != "frozen" && item->text != "live")
      problems.add(*item, what + ".batchnorm should be 'frozen' or 'live', found '" +
                              printable(item->text) + "'");
    else
      method.batchnorm.push_back(item->text);
  }
  require_each_once(method.batchnorm, node, what + ".batchnorm", problems);
}

// What `like: ft` or `like: lpft` stands for.
void become(FineTuneMethod& method, bool lpft) {
  method.kind = lpft ? RunKind::lpft : RunKind::ft;
  method.from_probe = lpft;
  method.learning_rates = lpft ? kDefaultLpftRates : kDefaultFtRates;
  // The published LP-FT runs froze BatchNorm: that is the default policy here.
  method.batchnorm =
      lpft ? std::vector<std::string>{"frozen"} : std::vector<std::string>{"frozen", "live"};
}

void read_start(const YamlNode& node, const std::string& what, FineTuneMethod& method,
                Problems& problems) {
  method.from_probe = node.text == "lp";
  if (node.kind == YamlNode::Kind::map)
    method.head = read_head_file(node, what, problems);
  else if (node.text != "random" && node.text != "lp")
    wrong_type(node, what, "'random', 'lp' or a map {from: FILE}", problems);
}

// The keys of a method that is a map. `own` says whether the method is FT or LP-FT itself.
void read_fine_tuning(const YamlNode& node, const std::string& what, bool own,
                      FineTuneMethod& method, Problems& problems) {
  YamlNode mine, settings;
  mine.kind = settings.kind = YamlNode::Kind::map;
  mine.line = node.line, mine.column = node.column, mine.source = node.source;
  const std::vector<std::string> names = names_of(fine_tune_keys());
  for (const YamlMember& member : node.members)
    (std::ranges::find(names, member.first.text) != names.end() ? mine : settings)
        .members.push_back(member);
  const MapReader map(mine, what, fine_tune_keys(), problems);
  std::string like = method.kind == RunKind::lpft ? "lpft" : "ft";
  if (map.get("like", like)) {
    if (own && like != method.name)
      problems.add(*map.find("like"), what + " is like " + method.name + ", found '" + like + "'");
    if (!own) become(method, like == "lpft");
  } else if (!own && !map.find("like")) {
    problems.add(node, what + " should say what it is a variant of: like: ft or like: lpft");
  }
  map.get("title", method.title);
  if (const YamlNode* head = map.find("head")) {
    if (own && method.kind == RunKind::lpft && head->text != "lp")
      problems.add(*head, what + ".head: LP-FT starts from the head of LP");
    else
      read_start(*head, what + ".head", method, problems);
  }
  if (const YamlNode* rates = map.find("lr")) read_rates(*rates, what, method, problems);
  if (const YamlNode* policies = map.find("batchnorm"))
    read_policies(*policies, what, method, problems);
  read_settings(settings, what, method.settings, {}, problems);
  for (const std::string& conflict : method.settings.conflicts())
    problems.add(node, what + ": " + conflict);
}

void read_method(const YamlNode& node, bool own, const Recipe& recipe, FineTuneMethod& method,
                 Problems& problems) {
  method.wanted = node.kind != YamlNode::Kind::boolean || node.boolean;
  method.settings = recipe.settings;
  become(method, own && method.kind == RunKind::lpft);
  const std::string what = "methods." + method.name;
  // `ft:` or `ft: true` takes every default.
  if (own && (node.kind == YamlNode::Kind::null || node.kind == YamlNode::Kind::boolean)) return;
  if (!method.wanted) return;
  if (node.kind != YamlNode::Kind::map) {
    wrong_type(node, what, "a map", problems);
    return;
  }
  read_fine_tuning(node, what, own, method, problems);
}

// Ids of runs begin with the name and go on with the policy: names must not look like both.
bool good_name(const std::string& name) {
  return !name.empty() && name.size() <= 60 && name != "lp" && !name.starts_with("search") &&
         !name.ends_with("-frozen") && !name.ends_with("-live") &&
         std::isalnum(static_cast<unsigned char>(name.front())) &&
         std::ranges::all_of(name, [](unsigned char c) {
           return (std::isalnum(c) && c < 128) || c == '_' || c == '-';
         });
}

// A method that is not built in: its name is checked, and a baseline that was misspelt is named.
// Returns whether it can be read.
bool check_variant(const YamlNode& key, const YamlNode& method, Problems& problems) {
  if (!good_name(key.text))
    problems.add(key,
                 "methods: '" + printable(key.text) +
                     "' is no name for a method: letters, digits, '-' and '_', not 'search...', "
                     "nor with '-frozen' or '-live' at its end");
  if (find_baseline(key.text) || (method.kind == YamlNode::Kind::map && method.find("like")))
    return true;
  std::vector<std::string> known = {"lp", "ft", "lpft"};
  for (const Preset& preset : presets())
    if (preset.baseline) known.push_back(preset.name);
  if (nearest(key.text, known).empty()) return true;
  problems.add(key, unknown_key(key.text, "methods", known));
  return false;
}

}  // namespace

Json fine_tune_schema() {
  Json properties = settings_properties();
  for (const Key& key : fine_tune_keys()) properties.set(key.name, schema_of(key));
  return schema_any_of(
      {schema_null(), Json::object({{"type", "boolean"}}),
       Json::object(
           {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}})});
}

const Keys& methods_keys() {
  static const Keys keys = {
      other_key(
          "lp",
          [] {
            return schema_any_of(
                {schema_null(), Json::object({{"type", "boolean"}}), schema_of(lp_keys())});
          },
          "the linear probe"),
      other_key(
          "ft", [] { return schema_reference("method"); }, "full fine-tuning from a random head"),
      other_key(
          "lpft", [] { return schema_reference("method"); }, "fine-tuning from the linear probe"),
  };
  return keys;
}

void read_methods(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* methods = root.find("methods");
  recipe.probe_c = default_probe_path();
  if (!methods) {
    problems.add(root, "methods is missing: methods: {lp: , ft: , lpft: } names what to run");
    return;
  }
  if (methods->kind != YamlNode::Kind::map) {
    wrong_type(*methods, "methods", "a map", problems);
    return;
  }
  for (const auto& [key, node] : methods->members) {
    if (key.text == "lp") {
      read_probe(node, recipe, problems);
    } else if (key.text == "ft" || key.text == "lpft") {
      read_method(node, true, recipe, key.text == "ft" ? recipe.ft : recipe.lpft, problems);
    } else {
      if (!check_variant(key, node, problems)) continue;
      FineTuneMethod variant{key.text, key.text, RunKind::ft};
      read_method(node, false, recipe, variant, problems);
      if (variant.wanted) recipe.variants.push_back(variant);
    }
  }
  const auto needs_probe = [&](const FineTuneMethod& method) {
    if (method.wanted && method.from_probe && !recipe.lp)
      problems.add(*methods,
                   "methods." + method.name + " starts from the linear probe: add methods.lp");
  };
  needs_probe(recipe.ft);
  needs_probe(recipe.lpft);
  for (const FineTuneMethod& variant : recipe.variants) needs_probe(variant);
}

}  // namespace stockpot
