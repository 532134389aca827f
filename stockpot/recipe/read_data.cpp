// The data sets of a recipe.
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

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

void read_source(const YamlNode& node, const std::string& what, DataSpec& data,
                 Problems& problems) {
  if (node.kind == YamlNode::Kind::string) {
    if (const auto path = read_path(node, what, problems)) {
      SourceSpec source;
      source.path = *path;
      data.sources.push_back(source);
    }
    return;
  }
  if (!check_keys(node, what,
                  {"path", "imagefolder", "tar", "csv", "splits", "split", "group", "root",
                   "class_map", "on_bad"},
                  problems))
    return;
  SourceSpec source;
  if (const YamlNode* splits = node.find("splits"))
    if (const auto path = read_path(*splits, what + ".splits", problems)) source.splits = *path;
  if (const YamlNode* root = node.find("root"))
    if (const auto path = read_path(*root, what + ".root", problems)) source.root = *path;
  // Split and group names may look like numbers.
  if (const YamlNode* split = node.find("split")) source.split = split->text;
  if (const YamlNode* group = node.find("group")) source.group = group->text;
  if (const YamlNode* map = node.find("class_map")) read_class_map(*map, data, problems);
  if (const YamlNode* on_bad = node.find("on_bad")) {
    if (on_bad->text != "error" && on_bad->text != "skip")
      problems.add(*on_bad, what + ".on_bad should be 'error' or 'skip', found '" +
                                printable(on_bad->text) + "'");
    data.skip_unreadable = on_bad->text == "skip";
  }
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
    const YamlNode* paths = node.find(form.key);
    if (!paths) continue;
    ++forms;
    for (const YamlNode* item : one_or_more(*paths))
      if (const auto path = read_path(*item, what + "." + form.key, problems)) {
        source.kind = form.kind;
        source.path = *path;
        data.sources.push_back(source);
      }
  }
  if (forms != 1)
    problems.add(node, what + " needs exactly one of imagefolder, tar, csv or path, found " +
                           std::to_string(forms));
}

}  // namespace

DataSpec read_data(const YamlNode& node, const std::string& what, Problems& problems) {
  DataSpec data;
  const std::vector<const YamlNode*> sources = one_or_more(node);
  if (sources.empty()) problems.add(node, what + " is an empty list");
  for (const YamlNode* source : sources) read_source(*source, what, data, problems);
  return data;
}

}  // namespace stockpot
