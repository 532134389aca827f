// The data sets of a recipe.
#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

Json path_or_paths() {
  const Json path = Json::object({{"type", "string"}});
  return schema_any_of({path, schema_list_of(path)});
}

Json class_map_schema() {
  return schema_map_of(Json::object({{"type", Json::Array{"string", "number", "null"}}}));
}

const Keys& source_keys() {
  static const Keys keys = {
      other_key("path", path_or_paths, "an image folder, tar or table, whichever it is"),
      other_key("imagefolder", path_or_paths, "folders with one sub-folder a class"),
      other_key("tar", path_or_paths, "the same in .tar or .tar.gz, read in place"),
      other_key("csv", path_or_paths, "tables of path, label and perhaps split and group"),
      path_key("splits", "a table of name, group, split"),
      text_key("split", "only pictures of this split"),
      text_key("group", "the pictures' group"),
      path_key("root", "a table's paths are relative to this folder"),
      other_key("class_map", class_map_schema,
                "this set's classes to the model's; null: leave out"),
      boolean_key("only_mapped", "leave out the classes that class_map does not name, too"),
      word_key("on_bad", {"error", "skip"}, "unreadable pictures: stop, or count them"),
      other_key(
          "corrupt", path_or_paths,
          "NAME:SEVERITY (1 to 5) or NAME for all five: every picture is made worse; names: " +
              join(corruption_names(), ", ")),
  };
  return keys;
}

const Keys& split_keys() {
  static const Keys keys = {
      word_key("split_from", {"train"}, "the set that a part is split off from"),
      number_key("fraction", 1e-6, 0.9, "of every class"),
      integer_key("seed", 0, 9.3e18, "of the choice of pictures"),
      boolean_key("stratified", "true: the only kind of split"),
  };
  return keys;
}

Json any_set() { return schema_reference("set"); }
Json part_schema() { return schema_any_of({any_set(), schema_of(split_keys())}); }

const Keys& test_keys() {
  static const Keys keys = {
      other_key("id", part_schema, "in distribution"),
      other_key(
          "ood", [] { return schema_map_of(any_set()); }, "out of distribution, by name"),
  };
  return keys;
}

// {old: new, ...}, or a CSV file of two columns would be one more thing to learn: a map only.
void read_class_map(const YamlNode& node, DataSpec& data, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, "class_map should be a map from this set's class names to the model's");
    return;
  }
  for (const auto& [key, value] : node.members) {
    if (value.kind == YamlNode::Kind::list || value.kind == YamlNode::Kind::map)
      problems.add(value, "class_map: '" + printable(key.text) +
                              "' should name one class, or null to leave it out");
    else
      data.class_map[key.text] = value.kind == YamlNode::Kind::null ? "" : value.text;
  }
}

void read_corruptions(const YamlNode& node, const std::string& what, SourceSpec& source,
                      Problems& problems) {
  for (const YamlNode* item : one_or_more(node)) {
    if (item->kind != YamlNode::Kind::string) {
      wrong_type(*item, what + ".corrupt", "a text such as gaussian_noise:3", problems);
      continue;
    }
    try {
      for (const Corruption& corruption : parse_corruption(item->text)) {
        if (std::ranges::find(source.corruptions, corruption) != source.corruptions.end())
          problems.add(*item, what + ".corrupt names " + to_text(corruption) + " twice");
        source.corruptions.push_back(corruption);
      }
    } catch (const UsageError& error) {
      problems.add(*item, what + ".corrupt: " + error.what());
    }
  }
}

void read_source(const YamlNode& node, const std::string& what, DataSpec& data,
                 Problems& problems) {
  SourceSpec source;
  if (node.kind == YamlNode::Kind::string) {
    if (const auto path = read_path(node, what, problems)) {
      source.path = *path;
      data.sources.push_back(source);
    }
    return;
  }
  const MapReader map(node, what, source_keys(), problems);
  if (!map) return;
  map.get("splits", source.splits);
  map.get("root", source.root);
  map.get("split", source.split);
  map.get("group", source.group);
  if (const YamlNode* classes = map.find("class_map")) read_class_map(*classes, data, problems);
  map.get("only_mapped", data.only_mapped);
  if (data.only_mapped && data.class_map.empty())
    problems.add(node, what + ".only_mapped needs a class_map: it would leave out everything");
  if (const YamlNode* worse = map.find("corrupt")) read_corruptions(*worse, what, source, problems);
  if (std::string on_bad; map.get("on_bad", on_bad)) data.skip_unreadable = on_bad == "skip";
  struct Form {
    const char* key;
    SourceSpec::Kind kind;
  };
  constexpr Form kForms[] = {{"path", SourceSpec::Kind::detect},
                             {"imagefolder", SourceSpec::Kind::folder},
                             {"tar", SourceSpec::Kind::tar},
                             {"csv", SourceSpec::Kind::table}};
  int forms = 0;
  for (const Form& form : kForms) {
    const YamlNode* paths = map.find(form.key);
    if (!paths) continue;
    ++forms;
    for (const YamlNode* item : one_or_more(*paths))
      if (const auto path = read_path(*item, map.name(form.key), problems)) {
        source.kind = form.kind;
        source.path = *path;
        data.sources.push_back(source);
      }
  }
  if (forms != 1)
    problems.add(node, what + " needs exactly one of imagefolder, tar, csv or path, found " +
                           std::to_string(forms));
}

DataSpec read_set(const YamlNode& node, const std::string& what, Problems& problems) {
  DataSpec data;
  const std::vector<const YamlNode*> sources = one_or_more(node);
  if (sources.empty()) problems.add(node, what + " is an empty list");
  for (const YamlNode* source : sources) read_source(*source, what, data, problems);
  return data;
}

// A set of its own, or {split_from: train, fraction: 0.1, seed: 0}.
void read_part(const YamlNode& node, const std::string& what, std::optional<DataSpec>& set,
               SplitOff& split, Problems& problems) {
  if (node.kind != YamlNode::Kind::map || !node.find("split_from")) {
    set = read_set(node, what, problems);
    return;
  }
  const MapReader map(node, what, split_keys(), problems);
  std::string from;
  map.get("split_from", from);
  if (!map.find("fraction"))
    problems.add(node, what + ".fraction is missing: the share of train to leave out");
  map.get("fraction", split.fraction);
  map.get("seed", split.seed);
  bool stratified = true;
  if (map.get("stratified", stratified) && !stratified)
    problems.add(*map.find("stratified"), what + ".stratified: only stratified splits are made");
}

void read_test_sets(const YamlNode& node, Recipe& recipe, Problems& problems) {
  const MapReader test(node, "data.test", test_keys(), problems);
  if (!test) return;
  if (const YamlNode* id = test.find("id"))
    read_part(*id, "data.test.id", recipe.id_test, recipe.id_test_split, problems);
  const YamlNode* ood = test.find("ood");
  if (!ood) return;
  if (ood->kind != YamlNode::Kind::map) {
    problems.add(*ood, "data.test.ood should be a map from names to sets");
    return;
  }
  for (const auto& [name, set] : ood->members) {
    if (name.text == "val" || name.text == "id")
      problems.add(name, "data.test.ood: '" + name.text + "' is the name of another set");
    recipe.ood.emplace_back(name.text,
                            read_set(set, "data.test.ood." + printable(name.text), problems));
  }
}

}  // namespace

Json set_schema() {
  const Json source = schema_any_of({Json::object({{"type", "string"}}), schema_of(source_keys())});
  return schema_any_of({source, schema_list_of(source)});
}

const Keys& data_keys() {
  static const Keys keys = {
      other_key("train", any_set, "what is trained on; its classes are the model's"),
      other_key("val", part_schema, "held out; every choice is made on it"),
      boolean_key("val_is_ood", "choices are made on OOD data: out of protocol, and marked so"),
      other_key(
          "test", [] { return schema_of(test_keys()); }, "only evaluated, after every choice"),
      size_key("memory", 1e6, 1e15, "decoded pictures kept; the rest is decoded again"),
  };
  return keys;
}

void read_data_sets(const YamlNode& root, Recipe& recipe, Problems& problems) {
  const YamlNode* node = root.find("data");
  if (!node) {
    problems.add(root, "data is missing: data: {train: ..., val: ..., test: {id: ..., ood: ...}}");
    return;
  }
  const MapReader data(*node, "data", data_keys(), problems);
  if (!data) return;
  if (const YamlNode* train = data.find("train"))
    recipe.train = read_set(*train, "data.train", problems);
  else
    problems.add(*node, "data.train is missing");
  if (const YamlNode* val = data.find("val"))
    read_part(*val, "data.val", recipe.held_out, recipe.held_out_split, problems);
  else
    problems.add(*node,
                 "data.val is missing: learning rates, epochs, penalties and soups are chosen on "
                 "held-out data; name a set, or val: {split_from: train, fraction: 0.1}");
  data.get("val_is_ood", recipe.held_out_is_ood);
  data.get("memory", recipe.data_memory);
  if (const YamlNode* test = data.find("test")) read_test_sets(*test, recipe, problems);
  const bool splits_off =
      (!recipe.held_out && recipe.held_out_split.fraction > 0) || recipe.id_test_split.fraction > 0;
  const bool copies = std::ranges::any_of(
      recipe.train.sources, [](const SourceSpec& source) { return source.corruptions.size() > 1; });
  if (splits_off && copies)
    problems.add(*node,
                 "data.train has several corruptions of each picture: a part that is split off "
                 "would hold copies of what is trained on; name val and test.id as sets");
}

}  // namespace stockpot
