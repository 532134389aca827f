#include "stockpot/recipe/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

RecipeSource Problems::source_of(const std::filesystem::path& file) {
  return {printable(file.string()), file.parent_path(), true};
}

int Problems::add_source(RecipeSource source) {
  sources_.push_back(std::move(source));
  return static_cast<int>(sources_.size()) - 1;
}

const RecipeSource& Problems::source(const YamlNode& node) const {
  return sources_.at(static_cast<std::size_t>(node.source));
}

std::string Problems::place(const YamlNode& node) const {
  const RecipeSource& from = source(node);
  return from.lines
             ? from.name + ":" + std::to_string(node.line) + ":" + std::to_string(node.column)
             : from.name;
}

void Problems::add(const YamlNode& where, const std::string& what) {
  lines_.push_back(place(where) + ": " + what);
}

void Problems::throw_if_any() const {
  if (!lines_.empty()) throw UsageError(join(lines_, "\n"));
}

std::string unknown_key(const std::string& name, const std::string& what,
                        const std::vector<std::string>& known) {
  const std::string near = nearest(name, known);
  return "unknown key '" + printable(name) + "' in " + what +
         (near.empty() ? "; known keys: " + join(known, ", ") : "; did you mean '" + near + "'?");
}

bool check_keys(const YamlNode& node, const std::string& what,
                const std::vector<std::string>& known, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, what + " should be a map, found " + std::string(node.kind_name()));
    return false;
  }
  for (const auto& [key, value] : node.members)
    if (std::find(known.begin(), known.end(), key.text) == known.end())
      problems.add(key, unknown_key(key.text, what, known));
  return true;
}

void wrong_type(const YamlNode& node, const std::string& what, const std::string& expected,
                Problems& problems) {
  std::string found(node.kind_name());
  if (!node.text.empty()) found += " '" + printable(node.text) + "'";
  problems.add(node, what + " should be " + expected + ", found " + found);
}

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

std::vector<const YamlNode*> one_or_more(const YamlNode& node) {
  std::vector<const YamlNode*> nodes;
  if (node.kind == YamlNode::Kind::list)
    for (const YamlNode& item : node.items) nodes.push_back(&item);
  else
    nodes.push_back(&node);
  return nodes;
}

Json json_value(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::boolean:
      return node.boolean;
    case YamlNode::Kind::integer:
      return node.integer;
    case YamlNode::Kind::number:
      return node.number;
    case YamlNode::Kind::string:
      return node.text;
    case YamlNode::Kind::list: {
      Json list = Json::array();
      for (const YamlNode& item : node.items) list.push(json_value(item));
      return list;
    }
    case YamlNode::Kind::map: {
      Json map = Json::object();
      for (const auto& [key, value] : node.members) map.set(key.text, json_value(value));
      return map;
    }
    case YamlNode::Kind::null:
      break;
  }
  return {};
}

std::optional<std::vector<double>> read_spaced(const YamlNode& node, const std::string& what,
                                               Problems& problems) {
  if (!check_keys(node, what, {"logspace", "linspace"}, problems)) return std::nullopt;
  if (node.members.size() != 1) {
    problems.add(node, what + " needs exactly one of logspace, linspace");
    return std::nullopt;
  }
  const auto& [key, range] = node.members.front();
  const std::string inner = what + "." + key.text;
  const bool powers = key.text == "logspace";
  if (range.kind != YamlNode::Kind::list || range.items.size() != 3) {
    problems.add(range, inner + (powers ? " should be [low exponent, high exponent, count]"
                                        : " should be [low, high, count]"));
    return std::nullopt;
  }
  const double end = powers ? 15 : 1e15;
  const auto low = read_number(range.items[0], inner, -end, end, problems);
  const auto high = read_number(range.items[1], inner, -end, end, problems);
  const auto count = read_integer(range.items[2], inner, 1, 10000, problems);
  if (!low || !high || !count) return std::nullopt;
  std::vector<double> values;
  for (std::int64_t i = 0; i < *count; ++i) {
    const double value = *count == 1 ? *low
                                     : *low + (*high - *low) * static_cast<double>(i) /
                                                  static_cast<double>(*count - 1);
    values.push_back(powers ? std::pow(10.0, value) : value);
  }
  return values;
}

std::optional<double> parse_duration(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || end - parsed.ptr != 1 || !(number >= 0)) return std::nullopt;
  const double unit = *parsed.ptr == 's'   ? 1
                      : *parsed.ptr == 'm' ? 60
                      : *parsed.ptr == 'h' ? 3600
                                           : 0;
  if (unit == 0 || !std::isfinite(number * unit)) return std::nullopt;
  return number * unit;
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
      (problems.source(node).folder / std::filesystem::path(node.text)).lexically_normal();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    problems.add(node, what + ": no such file or folder: " + printable(path.string()));
    return std::nullopt;
  }
  return path;
}

}  // namespace stockpot
