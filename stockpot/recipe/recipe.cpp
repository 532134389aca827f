#include "stockpot/recipe/recipe.h"

#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();

void read_model(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* model = root.find("model");
  if (!model) {
    problems.add(root, "model is missing: model: {from: FOLDER} names the pretrained model");
    return;
  }
  const YamlNode* from = model;
  if (model->kind == YamlNode::Kind::map) {
    check_keys(*model, "model", {"from"}, problems);
    from = model->find("from");
    if (!from) {
      problems.add(*model, "model.from is missing: the folder of the pretrained model");
      return;
    }
  }
  if (const auto path = read_path(*from, "model.from", problems)) recipe.model = *path;
}

// A set of its own, or {split_from: train, fraction: 0.1, seed: 0}.
void read_part(const YamlNode& node, const std::string& what, std::optional<DataSpec>& set,
               SplitOff& split, Problems& problems) {
  const YamlNode* split_from = node.kind == YamlNode::Kind::map ? node.find("split_from") : nullptr;
  if (!split_from) {
    set = read_data(node, what, problems);
    return;
  }
  check_keys(node, what, {"split_from", "fraction", "seed", "stratified"}, problems);
  if (split_from->text != "train")
    problems.add(*split_from, what + ".split_from should be 'train'");
  const YamlNode* fraction = node.find("fraction");
  if (!fraction)
    problems.add(node, what + ".fraction is missing: the share of train to leave out");
  else
    split.fraction = read_number(*fraction, what + ".fraction", 1e-6, 0.9, problems).value_or(0);
  if (const YamlNode* seed = node.find("seed"))
    split.seed = static_cast<std::uint64_t>(
        read_integer(*seed, what + ".seed", 0, kMaxInteger, problems).value_or(0));
  if (const YamlNode* stratified = node.find("stratified"))
    if (!read_boolean(*stratified, what + ".stratified", problems).value_or(true))
      problems.add(*stratified, what + ".stratified: only stratified splits are made");
}

// 4GB, 512MB, 2GiB.
std::optional<std::uint64_t> read_size(const YamlNode& node, Problems& problems) {
  std::size_t used = 0;
  double number = 0;
  try {
    number = std::stod(node.text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit(trim(std::string_view(node.text).substr(used)));
  double scale = 0;
  if (unit == "MB" || unit == "M") scale = 1e6;
  if (unit == "GB" || unit == "G") scale = 1e9;
  if (unit == "MiB") scale = 1024.0 * 1024;
  if (unit == "GiB") scale = 1024.0 * 1024 * 1024;
  if (used == 0 || scale == 0 || !(number > 0) || number * scale > 1e15) {
    problems.add(node, "data.memory should be a size such as 512MB or 4GiB, found '" +
                           printable(node.text) + "'");
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number * scale);
}

void read_data_sets(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* data = root.find("data");
  if (!data) {
    problems.add(root, "data is missing: data: {train: ..., val: ..., test: {id: ..., ood: ...}}");
    return;
  }
  if (!check_keys(*data, "data", {"train", "val", "test", "memory"}, problems)) return;
  if (const YamlNode* train = data->find("train"))
    recipe.train = read_data(*train, "data.train", problems);
  else
    problems.add(*data, "data.train is missing");
  if (const YamlNode* val = data->find("val"))
    read_part(*val, "data.val", recipe.held_out, recipe.held_out_split, problems);
  else
    problems.add(*data,
                 "data.val is missing: learning rates, epochs, penalties and soups are chosen on "
                 "held-out data; name a set, or val: {split_from: train, fraction: 0.1}");
  if (const YamlNode* memory = data->find("memory"))
    recipe.data_memory = read_size(*memory, problems).value_or(recipe.data_memory);
  const YamlNode* test = data->find("test");
  if (!test || !check_keys(*test, "data.test", {"id", "ood"}, problems)) return;
  if (const YamlNode* id = test->find("id"))
    read_part(*id, "data.test.id", recipe.id_test, recipe.id_test_split, problems);
  const YamlNode* ood = test->find("ood");
  if (!ood) return;
  if (ood->kind != YamlNode::Kind::map) {
    problems.add(*ood, "data.test.ood should be a map from names to sets");
    return;
  }
  for (const auto& [name, set] : ood->members) {
    if (name.text == "val" || name.text == "id")
      problems.add(name, "data.test.ood: '" + name.text + "' is the name of another set");
    recipe.ood.emplace_back(name.text, read_data(set, "data.test.ood." + name.text, problems));
  }
}

// count values from 10^low to 10^high, evenly spaced in the exponent.
std::vector<double> powers_of_ten(double low, double high, std::int64_t count) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(std::pow(10.0, count == 1 ? low
                                               : low + (high - low) * static_cast<double>(i) /
                                                           static_cast<double>(count - 1)));
  return values;
}

// An increasing list of penalties: {logspace: [low, high, count]} or numbers.
void read_penalties(const YamlNode& node, Recipe& recipe, Problems& problems) {
  std::vector<double>& c = recipe.probe_c;
  c.clear();
  if (const YamlNode* space = node.find("logspace")) {
    check_keys(node, "methods.lp.c", {"logspace"}, problems);
    if (space->kind != YamlNode::Kind::list || space->items.size() != 3) {
      problems.add(*space, "methods.lp.c.logspace should be [low exponent, high exponent, count]");
      return;
    }
    const auto low = read_number(space->items[0], "methods.lp.c.logspace", -15, 15, problems);
    const auto high = read_number(space->items[1], "methods.lp.c.logspace", -15, 15, problems);
    const auto count = read_integer(space->items[2], "methods.lp.c.logspace", 1, 10000, problems);
    if (!low || !high || !count) return;
    c = powers_of_ten(*low, *high, *count);
  } else {
    for (const YamlNode* item : one_or_more(node))
      if (const auto value = read_number(*item, "methods.lp.c", 1e-15, 1e15, problems))
        c.push_back(*value);
  }
  for (std::size_t i = 1; i < c.size(); ++i)
    if (!(c[i] > c[i - 1])) {
      problems.add(node, "methods.lp.c should increase from value to value");
      return;
    }
}

void read_method(const YamlNode& node, const std::string& what, const TrainSettings& shared,
                 const std::vector<double>& default_rates, FineTuneMethod& method,
                 Problems& problems) {
  method.wanted = true;
  method.settings = shared;
  method.learning_rates = default_rates;
  method.batchnorm = {"frozen", "live"};
  // `ft:` or `ft: true` takes every default.
  if (node.kind == YamlNode::Kind::null) return;
  if (node.kind == YamlNode::Kind::boolean) {
    method.wanted = node.boolean;
    return;
  }
  read_settings(node, what, method.settings, {"lr", "batchnorm"}, problems);
  if (const YamlNode* rates = node.find("lr")) {
    method.learning_rates.clear();
    for (const YamlNode* item : one_or_more(*rates))
      if (const auto rate = read_number(*item, what + ".lr", 0, 100, problems))
        method.learning_rates.push_back(*rate);
  }
  if (const YamlNode* policies = node.find("batchnorm")) {
    method.batchnorm.clear();
    for (const YamlNode* item : one_or_more(*policies)) {
      if (item->text != "frozen" && item->text != "live")
        problems.add(*item, what + ".batchnorm should be 'frozen' or 'live', found '" +
                                printable(item->text) + "'");
      else
        method.batchnorm.push_back(item->text);
    }
  }
  if (method.learning_rates.empty()) problems.add(node, what + ".lr is empty");
}

void read_methods(const YamlNode& root, const TrainSettings& shared, Recipe& recipe,
                  Problems& problems) {
  const YamlNode* methods = root.find("methods");
  if (!methods) {
    problems.add(root, "methods is missing: methods: {lp: , ft: , lpft: } names what to run");
    return;
  }
  if (!check_keys(*methods, "methods", {"lp", "ft", "lpft"}, problems)) return;
  recipe.probe_c = default_probe_path();
  if (const YamlNode* lp = methods->find("lp")) {
    recipe.lp = lp->kind != YamlNode::Kind::boolean || lp->boolean;
    if (lp->kind == YamlNode::Kind::map && check_keys(*lp, "methods.lp", {"c"}, problems))
      if (const YamlNode* c = lp->find("c")) read_penalties(*c, recipe, problems);
  }
  if (const YamlNode* ft = methods->find("ft"))
    read_method(*ft, "methods.ft", shared, kDefaultFtRates, recipe.ft, problems);
  if (const YamlNode* lpft = methods->find("lpft")) {
    read_method(*lpft, "methods.lpft", shared, kDefaultLpftRates, recipe.lpft, problems);
    // The published LP-FT runs froze BatchNorm: that is the default policy here.
    if (!lpft->find("batchnorm")) recipe.lpft.batchnorm = {"frozen"};
  }
  if (recipe.lpft.wanted && !recipe.lp)
    problems.add(*methods, "methods.lpft starts from the linear probe: add methods.lp");
}

void read_search(const YamlNode& root, const TrainSettings& shared, Recipe& recipe,
                 Problems& problems) {
  const YamlNode* search = root.find("search");
  recipe.search_settings = shared;
  if (!search) return;
  if (!check_keys(*search, "search", {"runs", "from", "seed", "space", "train"}, problems)) return;
  if (const YamlNode* runs = search->find("runs"))
    recipe.search_runs = read_integer(*runs, "search.runs", 1, 100000, problems).value_or(0);
  else
    problems.add(*search, "search.runs is missing: the number of runs");
  if (const YamlNode* from = search->find("from"); from && from->text != "lp")
    problems.add(*from, "search.from should be 'lp': soups need one initialisation, head included");
  if (const YamlNode* seed = search->find("seed"))
    recipe.search_seed = static_cast<std::uint64_t>(
        read_integer(*seed, "search.seed", 0, kMaxInteger, problems).value_or(0));
  if (const YamlNode* train = search->find("train"))
    read_settings(*train, "search.train", recipe.search_settings, {}, problems);
  if (const YamlNode* space = search->find("space"))
    recipe.search_space = read_space(*space, problems);
  else
    problems.add(*search,
                 "search.space is missing: what the runs draw, for instance lr: "
                 "{loguniform: [1.0e-4, 1.0e-3]}");
  if (!recipe.lp)
    problems.add(*search, "search starts every run from the linear probe: add methods.lp");
}

void read_soup(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* soup = root.find("soup");
  if (!soup || !check_keys(*soup, "soup", {"accept", "include_init"}, problems)) return;
  if (const YamlNode* accept = soup->find("accept")) {
    if (accept->text != "ties" && accept->text != "strict")
      problems.add(*accept, "soup.accept should be 'ties' or 'strict', found '" +
                                printable(accept->text) + "'");
    recipe.accept_strict = accept->text == "strict";
  }
  if (const YamlNode* init = soup->find("include_init"))
    recipe.include_init = read_boolean(*init, "soup.include_init", problems).value_or(false);
}

void read_run(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* run = root.find("run");
  if (!run || !check_keys(*run, "run", {"seed", "seeds", "device", "threads", "bf16"}, problems))
    return;
  if (const YamlNode* seed = run->find("seed"))
    recipe.seed = static_cast<std::uint64_t>(
        read_integer(*seed, "run.seed", 0, kMaxInteger, problems).value_or(0));
  if (const YamlNode* seeds = run->find("seeds"))
    recipe.seeds = read_integer(*seeds, "run.seeds", 1, 1000, problems).value_or(1);
  if (const YamlNode* device = run->find("device"))
    recipe.device = read_text(*device, "run.device", problems).value_or("cpu");
  if (const YamlNode* threads = run->find("threads"))
    recipe.threads = read_integer(*threads, "run.threads", 1, 4096, problems).value_or(0);
  if (const YamlNode* bf16 = run->find("bf16"))
    recipe.bf16 = read_boolean(*bf16, "run.bf16", problems).value_or(false);
}

Json source_identity(const DataSpec& data) {
  Json sources = Json::array();
  for (const SourceSpec& source : data.sources)
    sources.push(Json::object({{"path", source.path.string()},
                               {"splits", source.splits.string()},
                               {"split", source.split},
                               {"root", source.root.string()}}));
  Json map = Json::object();
  for (const auto& [from, to] : data.class_map) map.set(from, to);
  return Json::object({{"sources", sources}, {"class_map", map}, {"skip", data.skip_unreadable}});
}

}  // namespace

std::vector<double> default_probe_path() { return powers_of_ten(-7, 2, 100); }

Recipe Recipe::parse(const std::string& text, const std::filesystem::path& file) {
  const YamlNode root = parse_yaml(text, file);
  Problems problems(file);
  Recipe recipe;
  recipe.file = file;
  recipe.text = text;
  if (root.kind != YamlNode::Kind::map) {
    problems.add(root, "a recipe is a map, found " + std::string(root.kind_name()));
    problems.throw_if_any();
  }
  check_keys(root, "the recipe",
             {"version", "title", "model", "data", "methods", "train", "search", "soup", "run"},
             problems);
  const YamlNode* version = root.find("version");
  if (!version || version->kind != YamlNode::Kind::integer || version->integer != 1)
    problems.add(version ? *version : root, "version: 1 is required");
  if (const YamlNode* title = root.find("title")) recipe.title = title->text;
  if (recipe.title.empty()) recipe.title = file.stem().string();

  read_model(root, recipe, problems);
  read_data_sets(root, recipe, problems);
  TrainSettings shared;
  if (const YamlNode* train = root.find("train"))
    read_settings(*train, "train", shared, {}, problems);
  read_methods(root, shared, recipe, problems);
  read_search(root, shared, recipe, problems);
  read_soup(root, recipe, problems);
  read_run(root, recipe, problems);
  problems.throw_if_any();
  return recipe;
}

Recipe Recipe::read(const std::filesystem::path& file) {
  return parse(read_file(file, std::uint64_t{16} << 20), file);
}

Json Recipe::identity() const {
  const auto part = [](const SplitOff& split) {
    return Json::object({{"fraction", split.fraction}, {"seed", split.seed}});
  };
  Json identity =
      Json::object({{"model", model.string()},
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
