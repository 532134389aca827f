#include "stockpot/recipe/layers.h"

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/preset.h"

namespace stockpot {
namespace {

constexpr std::size_t kDeepestChain = 8;
constexpr std::uint64_t kLargestFile = std::uint64_t{16} << 20;

// Keys of which a map has one.
const std::vector<std::vector<std::string>> kAlternatives = {
    {"path", "imagefolder", "tar", "csv", "split_from"},
    {"uniform", "loguniform", "pow10", "int", "choice", "mixture", "value", "logspace", "linspace"},
    {"steps", "epochs"},
    {"top", "freeze_bottom"},
};

bool contradicts(const YamlNode& under, const YamlNode& over) {
  for (const auto& group : kAlternatives) {
    const auto has = [&](const YamlNode& node, bool other) {
      return std::ranges::any_of(group, [&](const std::string& key) {
        return node.find(key) && (!other || !over.find(key));
      });
    };
    if (has(over, false) && has(under, true)) return true;
  }
  return false;
}

void set_source(YamlNode& node, int source) {
  node.source = source;
  for (YamlNode& item : node.items) set_source(item, source);
  for (auto& [key, value] : node.members) {
    key.source = source;
    set_source(value, source);
  }
}

void erase(YamlNode& map, std::string_view key) {
  std::erase_if(map.members, [&](const YamlMember& member) { return member.first.text == key; });
}

YamlNode* find(YamlNode& map, std::string_view key) { return const_cast<YamlNode*>(map.find(key)); }

// The file below `over`, if it names one; `chain` holds the files above it.
void add_base(YamlNode& over, std::vector<std::filesystem::path> chain, Problems& problems) {
  const YamlNode* base = over.find("base");
  if (!base) return;
  const auto path = read_path(*base, "base", problems);
  if (path) {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(*path, error);
    if (std::ranges::find(chain, whole) != chain.end()) {
      problems.add(*base, "base: " + printable(path->string()) + " is below itself");
    } else if (chain.size() > kDeepestChain) {
      problems.add(
          *base, "base: more than " + std::to_string(kDeepestChain) + " recipes below each other");
    } else {
      chain.push_back(whole);
      YamlNode under = parse_yaml(read_file(*path, kLargestFile), *path);
      set_source(under, problems.add_source(Problems::source_of(*path)));
      if (under.kind == YamlNode::Kind::map) {
        add_base(under, chain, problems);
        merge_onto(under, over);
        over = std::move(under);
      } else {
        problems.add(under, "a recipe is a map, found " + std::string(under.kind_name()));
      }
    }
  }
  erase(over, "base");
}

// "train.lr=1e-4" as {train: {lr: 1e-4}}; the innermost key may hold any YAML.
void add_override(YamlNode& root, const std::string& text, Problems& problems) {
  const std::size_t equals = text.find('=');
  const std::string name = "--set " + printable(text);
  if (equals == std::string::npos || equals == 0) {
    problems.add(name + ": should read key=value, for instance train.lr=1e-4");
    return;
  }
  YamlNode tree;
  try {
    tree = parse_yaml(text.substr(equals + 1), name);
  } catch (const FormatError& error) {
    problems.add(error.what());
    return;
  }
  std::vector<std::string> keys = split(text.substr(0, equals), '.');
  if (keys.size() > 32 || std::ranges::find(keys, "") != keys.end()) {
    problems.add(name + ": '" + printable(text.substr(0, equals)) +
                 "' should be keys with dots between them, such as train.lr");
    return;
  }
  for (; !keys.empty(); keys.pop_back()) {
    YamlNode key, map;
    key.kind = YamlNode::Kind::string;
    key.text = keys.back();
    map.kind = YamlNode::Kind::map;
    map.members.push_back({key, std::move(tree)});
    tree = std::move(map);
  }
  set_source(tree, problems.add_source({name, "", false}));
  if (const YamlNode* base = tree.find("base")) {
    problems.add(*base, "base belongs into a file");
    return;
  }
  merge_onto(root, tree);
}

// The presets that `node` names, merged in their order, with the node's own keys on top.
void fill_in(YamlNode& node, const std::vector<const YamlNode*>& names, Preset::Kind kind,
             Problems& problems) {
  YamlNode filled;
  filled.kind = YamlNode::Kind::map;
  filled.line = node.line, filled.column = node.column, filled.source = node.source;
  for (const YamlNode* name : names) {
    const Preset* preset = find_preset(kind, name->text);
    if (!preset) {
      const std::vector<std::string> known = preset_names(kind);
      const std::string near = nearest(name->text, known);
      problems.add(*name, "unknown preset '" + printable(name->text) + "'" +
                              (near.empty() ? "; known presets: " + join(known, ", ")
                                            : "; did you mean '" + near + "'?"));
      continue;
    }
    const std::string title = "preset " + preset->name;
    YamlNode tree = parse_yaml(preset->yaml, title);
    set_source(tree, problems.add_source({title, "", true}));
    merge_onto(filled, tree);
  }
  if (node.kind == YamlNode::Kind::map) merge_onto(filled, node);
  erase(filled, "preset");
  node = std::move(filled);
}

void fill_in_presets(YamlNode& root, Problems& problems) {
  if (YamlNode* search = find(root, "search"))
    if (const YamlNode* preset = search->find("preset")) {
      const YamlNode names = *preset;
      fill_in(*search, one_or_more(names), Preset::Kind::search, problems);
    }
  YamlNode* methods = find(root, "methods");
  if (!methods) return;
  for (auto& [key, method] : methods->members) {
    if (const YamlNode* preset = method.find("preset")) {
      const YamlNode names = *preset;
      fill_in(method, one_or_more(names), Preset::Kind::method, problems);
    } else if (find_baseline(key.text) && !method.find("like") &&
               (method.kind != YamlNode::Kind::boolean || method.boolean)) {
      // `l2sp:` is short for `l2sp: {preset: l2sp}`.
      const YamlNode name = key;
      fill_in(method, {&name}, Preset::Kind::method, problems);
    }
  }
}

void collect(const YamlNode& node, const std::string& path, const Problems& problems,
             std::map<std::string, Origin>& origins) {
  if (!path.empty())
    origins[path] = {problems.place(node),
                     node.kind != YamlNode::Kind::map && node.kind != YamlNode::Kind::null};
  for (const auto& [key, value] : node.members)
    collect(value, path.empty() ? key.text : path + "." + key.text, problems, origins);
}

}  // namespace

void merge_onto(YamlNode& under, const YamlNode& over) {
  if (under.kind != YamlNode::Kind::map || over.kind != YamlNode::Kind::map ||
      contradicts(under, over)) {
    under = over;
    return;
  }
  for (const YamlMember& member : over.members) {
    const auto found = std::ranges::find_if(under.members, [&](const YamlMember& mine) {
      return mine.first.text == member.first.text;
    });
    if (found == under.members.end()) {
      under.members.push_back(member);
    } else {
      found->first = member.first;
      merge_onto(found->second, member.second);
    }
  }
}

YamlNode read_layers(const std::string& text, const std::filesystem::path& file,
                     const std::vector<std::string>& overrides, Problems& problems) {
  YamlNode root = parse_yaml(text, file);
  if (root.kind != YamlNode::Kind::map) {
    problems.add(root, "a recipe is a map, found " + std::string(root.kind_name()));
    problems.throw_if_any();
  }
  std::error_code error;
  add_base(root, {std::filesystem::weakly_canonical(file, error)}, problems);
  for (const std::string& one : overrides) add_override(root, one, problems);
  fill_in_presets(root, problems);
  return root;
}

std::map<std::string, Origin> origins_of(const YamlNode& root, const Problems& problems) {
  std::map<std::string, Origin> origins;
  collect(root, "", problems, origins);
  return origins;
}

}  // namespace stockpot
