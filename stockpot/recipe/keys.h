// The keys of a recipe, section by section: their names, what they may hold and what they
// mean. The readers look every key up in these rows, and `config schema` prints them, so the
// schema cannot say something else than the reader does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"

namespace stockpot {

struct Key {
  enum class Kind {
    number,
    integer,
    boolean,
    text,      // any scalar: a name may look like a number
    word,      // one of `words`
    path,      // of a file or folder that exists
    size,      // bytes: 512MB, 4GiB
    duration,  // seconds: 15s, 10m, 2h
    other,     // what `schema` says
  };
  std::string name;
  std::string help;
  Kind kind = Kind::other;
  double low = 0, high = 0;  // number, integer, size in bytes, duration in seconds
  std::vector<std::string> words = {};
  std::function<Json()> schema = {};
};

using Keys = std::vector<Key>;

Key number_key(std::string name, double low, double high, std::string help);
Key integer_key(std::string name, double low, double high, std::string help);
Key boolean_key(std::string name, std::string help);
Key text_key(std::string name, std::string help);
Key word_key(std::string name, std::vector<std::string> words, std::string help);
Key path_key(std::string name, std::string help);
Key size_key(std::string name, double low, double high, std::string help);
Key duration_key(std::string name, double low, double high, std::string help);
Key other_key(std::string name, std::function<Json()> schema, std::string help);

// JSON schema of one value, and of a map with these keys and no others.
Json schema_of(const Key& key);
Json schema_of(const Keys& keys);
// Combinations.
Json schema_any_of(std::vector<Json> choices);
Json schema_list_of(Json item);
Json schema_map_of(Json value);  // any keys
Json schema_null();
// What the schema's definition of that name says: "setting/lr" is #/$defs/setting/lr.
Json schema_reference(const std::string& name);
// A range of two numbers, [low, high].
Json schema_pair();

// What some keys have in common.
std::vector<std::string> names_of(const Keys& keys);

}  // namespace stockpot
