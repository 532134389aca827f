#include "stockpot/recipe/reader.h"

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

void Problems::add(const YamlNode& where, const std::string& what) {
  lines_.push_back(printable(file_.string()) + ":" + std::to_string(where.line) + ":" +
                   std::to_string(where.column) + ": " + what);
}

void Problems::add(const std::string& what) {
  lines_.push_back(printable(file_.string()) + ": " + what);
}

void Problems::throw_if_any() const {
  if (!lines_.empty()) throw UsageError(join(lines_, "\n"));
}

bool check_keys(const YamlNode& node, const std::string& what,
                std::initializer_list<std::string> known, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, what + " should be a map, found " + std::string(node.kind_name()));
    return false;
  }
  const std::vector<std::string> names(known);
  for (const auto& [key, value] : node.members) {
    if (std::find(names.begin(), names.end(), key.text) != names.end()) continue;
    const std::string near = nearest(key.text, names);
    problems.add(key, "unknown key '" + printable(key.text) + "' in " + what +
                          (near.empty() ? "; known keys: " + join(names, ", ")
                                        : "; did you mean '" + near + "'?"));
  }
  return true;
}

namespace {

void wrong_type(const YamlNode& node, const std::string& what, const std::string& expected,
                Problems& problems) {
  std::string found(node.kind_name());
  if (!node.text.empty()) found += " '" + printable(node.text) + "'";
  problems.add(node, what + " should be " + expected + ", found " + found);
}

}  // namespace

std::optional<double> read_number(const YamlNode& node, const std::string& what, double low,
                                  double high, Problems& problems) {
  if (node.kind != YamlNode::Kind::number && node.kind != YamlNode::Kind::integer) {
    wrong_type(node, what, "a number", problems);
    return std::nullopt;
  }
  if (!(node.number >= low && node.number <= high)) {
    problems.add(node, what + " should lie in " + shortest(low) + ".." + shortest(high) +
                           ", found " + printable(node.text));
    return std::nullopt;
  }
  return node.number;
}

std::optional<std::int64_t> read_integer(const YamlNode& node, const std::string& what,
                                         std::int64_t low, std::int64_t high, Problems& problems) {
  if (node.kind != YamlNode::Kind::integer) {
    wrong_type(node, what, "a whole number", problems);
    return std::nullopt;
  }
  if (node.integer < low || node.integer > high) {
    problems.add(node, what + " should lie in " + std::to_string(low) + ".." +
                           std::to_string(high) + ", found " + printable(node.text));
    return std::nullopt;
  }
  return node.integer;
}

std::optional<std::string> read_text(const YamlNode& node, const std::string& what,
                                     Problems& problems) {
  if (node.kind == YamlNode::Kind::string) return node.text;
  wrong_type(node, what, "text", problems);
  return std::nullopt;
}

std::optional<bool> read_boolean(const YamlNode& node, const std::string& what,
                                 Problems& problems) {
  if (node.kind == YamlNode::Kind::boolean) return node.boolean;
  wrong_type(node, what, "true or false", problems);
  return std::nullopt;
}

std::vector<const YamlNode*> one_or_more(const YamlNode& node) {
  std::vector<const YamlNode*> nodes;
  if (node.kind == YamlNode::Kind::list)
    for (const YamlNode& item : node.items) nodes.push_back(&item);
  else
    nodes.push_back(&node);
  return nodes;
}

Json scalar_value(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::boolean:
      return node.boolean;
    case YamlNode::Kind::integer:
      return node.integer;
    case YamlNode::Kind::number:
      return node.number;
    case YamlNode::Kind::string:
      return node.text;
    default:
      return {};
  }
}

std::optional<std::filesystem::path> read_path(const YamlNode& node, const std::string& what,
                                               Problems& problems) {
  // A file may be called 2024 or true: any scalar is a name here.
  if (node.kind == YamlNode::Kind::list || node.kind == YamlNode::Kind::map ||
      node.kind == YamlNode::Kind::null) {
    wrong_type(node, what, "a path", problems);
    return std::nullopt;
  }
  const std::filesystem::path path =
      (problems.file().parent_path() / std::filesystem::path(node.text)).lexically_normal();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    problems.add(node, what + ": no such file or folder: " + printable(path.string()));
    return std::nullopt;
  }
  return path;
}

}  // namespace stockpot
