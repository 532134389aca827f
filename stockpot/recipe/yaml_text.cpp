#include "stockpot/recipe/yaml_text.h"

#include <algorithm>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/yaml.h"

namespace stockpot {
namespace {

// Text that means itself without quotes, wherever it stands.
bool is_plain(const std::string& text) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-' || c == '+';
  };
  if (text.empty() || text.front() == '-' || !std::ranges::all_of(text, harmless)) return false;
  try {
    // Not a number, null or true.
    return parse_yaml(text, "").kind == YamlNode::Kind::string;
  } catch (const FormatError&) {
    return false;  // a number that fits nowhere
  }
}

std::string text_of(const std::string& text) {
  if (is_plain(text)) return text;
  std::string quoted = Json(text).dump();
  for (std::size_t at = 0; (at = quoted.find('\x7F', at)) != std::string::npos;)
    quoted.replace(at, 1, "\\x7F");
  return quoted;
}

std::string flow(const Json& value) {
  std::vector<std::string> parts;
  if (value.is_string()) return text_of(value.as_string());
  if (value.is_array()) {
    for (const Json& item : value.items()) parts.push_back(flow(item));
    return "[" + join(parts, ", ") + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.members())
      parts.push_back(text_of(key) + ": " + flow(item));
    return "{" + join(parts, ", ") + "}";
  }
  return value.dump();
}

void block(const Json& map, const std::string& indent, const std::string& path,
           const std::function<std::string(const std::string&)>& remark, std::string& out) {
  for (const auto& [key, value] : map.members()) {
    const std::string inner = path.empty() ? key : path + "." + key;
    out += indent + text_of(key) + ":";
    if (value.is_object() && !value.members().empty()) {
      out += "\n";
      block(value, indent + "  ", inner, remark, out);
      continue;
    }
    out += " " + flow(value);
    const std::string comment = remark ? remark(inner) : "";
    out += (comment.empty() ? "" : "  # " + comment) + "\n";
  }
}

}  // namespace

std::string yaml_text(const Json& tree,
                      const std::function<std::string(const std::string&)>& remark) {
  if (!tree.is_object() || tree.members().empty()) return flow(tree) + "\n";
  std::string out;
  block(tree, "", "", remark, out);
  return out;
}

}  // namespace stockpot
