// A strict subset of YAML 1.2 for recipes: maps, lists and core-schema scalars, each with
// its line and column. Refused with line:column: anchors, aliases, tags, merge keys,
// duplicate keys, several documents, tabs as indentation, nesting deeper than 64.
// `no` and `1_000` are strings, `010` is ten, `1e-5`, `.inf` and `.nan` are numbers; a number
// that does not fit its 64 bits is refused. A tab is refused anywhere in the white space at
// the front of a line, also inside block text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

struct YamlMember;

struct YamlNode {
  enum class Kind { null, boolean, integer, number, string, list, map };

  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;  // also set for integers
  std::string text;   // scalars: as written
  std::vector<YamlNode> items;
  std::vector<YamlMember> members;  // keys are scalars, in file order
  int line = 0, column = 0;         // from 1
  int source = 0;                   // which text, where trees of several are merged; 0 when parsed

  // The member whose key reads `key`, or nullptr.
  const YamlNode* find(std::string_view key) const;
  // "a map", "a number", ... for messages.
  std::string_view kind_name() const;
};

struct YamlMember {
  YamlNode first, second;  // key and value
};

// Throws FormatError "<origin>:<line>:<column>: ...".
YamlNode parse_yaml(std::string_view text, const std::filesystem::path& origin);
YamlNode read_yaml(const std::filesystem::path& file);

}  // namespace stockpot
