#include "stockpot/recipe/keys.h"

#include <utility>

namespace stockpot {
namespace {

Json type(const char* name) { return Json::object({{"type", name}}); }

Json ranged(const Key& key, Json json) {
  // A whole number is written as one: 0, not 0.0.
  const auto bound = [&](double value) {
    return key.kind == Key::Kind::integer ? Json(static_cast<std::int64_t>(value)) : Json(value);
  };
  json.set("minimum", bound(key.low));
  // Beyond 2^53 doubles skip whole numbers: no bound worth naming.
  if (key.high < 9007199254740992.0) json.set("maximum", bound(key.high));
  return json;
}

Json any_scalar() { return Json::object({{"type", Json::Array{"string", "number", "boolean"}}}); }

Json bare_schema(const Key& key) {
  switch (key.kind) {
    case Key::Kind::number:
      return ranged(key, type("number"));
    case Key::Kind::integer:
      return ranged(key, type("integer"));
    case Key::Kind::boolean:
      return type("boolean");
    case Key::Kind::text:
    case Key::Kind::path:
      return any_scalar();
    case Key::Kind::word: {
      Json words = Json::array();
      for (const std::string& word : key.words) words.push(word);
      return Json::object({{"enum", words}});
    }
    case Key::Kind::size:
      return schema_any_of(
          {type("integer"),
           Json::object({{"type", "string"}, {"pattern", "^[0-9.]+ *[KMGT]?i?B?$"}})});
    case Key::Kind::duration:
      return Json::object({{"type", "string"}, {"pattern", "^[0-9.]+(s|m|h)$"}});
    case Key::Kind::other:
      return key.schema();
  }
  return {};
}

Key plain(std::string name, Key::Kind kind, std::string help) {
  Key key;
  key.name = std::move(name);
  key.kind = kind;
  key.help = std::move(help);
  return key;
}

Key ranged_key(std::string name, Key::Kind kind, double low, double high, std::string help) {
  Key key = plain(std::move(name), kind, std::move(help));
  key.low = low, key.high = high;
  return key;
}

}  // namespace

Key number_key(std::string name, double low, double high, std::string help) {
  return ranged_key(std::move(name), Key::Kind::number, low, high, std::move(help));
}
Key integer_key(std::string name, double low, double high, std::string help) {
  return ranged_key(std::move(name), Key::Kind::integer, low, high, std::move(help));
}
Key boolean_key(std::string name, std::string help) {
  return plain(std::move(name), Key::Kind::boolean, std::move(help));
}
Key text_key(std::string name, std::string help) {
  return plain(std::move(name), Key::Kind::text, std::move(help));
}
Key word_key(std::string name, std::vector<std::string> words, std::string help) {
  Key key = plain(std::move(name), Key::Kind::word, std::move(help));
  key.words = std::move(words);
  return key;
}
Key path_key(std::string name, std::string help) {
  return plain(std::move(name), Key::Kind::path, std::move(help));
}
Key size_key(std::string name, double low, double high, std::string help) {
  return ranged_key(std::move(name), Key::Kind::size, low, high, std::move(help));
}
Key duration_key(std::string name, double low, double high, std::string help) {
  return ranged_key(std::move(name), Key::Kind::duration, low, high, std::move(help));
}
Key other_key(std::string name, std::function<Json()> schema, std::string help) {
  Key key = plain(std::move(name), Key::Kind::other, std::move(help));
  key.schema = std::move(schema);
  return key;
}

Json schema_of(const Key& key) {
  Json schema = bare_schema(key);
  if (!key.help.empty()) schema.set("description", key.help);
  return schema;
}

Json schema_of(const Keys& keys) {
  Json properties = Json::object();
  for (const Key& key : keys) properties.set(key.name, schema_of(key));
  return Json::object(
      {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}});
}

Json schema_any_of(std::vector<Json> choices) {
  return Json::object({{"anyOf", Json(std::move(choices))}});
}

Json schema_list_of(Json item) {
  return Json::object({{"type", "array"}, {"items", std::move(item)}});
}

Json schema_map_of(Json value) {
  return Json::object({{"type", "object"}, {"additionalProperties", std::move(value)}});
}

Json schema_null() { return type("null"); }

Json schema_reference(const std::string& name) {
  return Json::object({{"$ref", "#/$defs/" + name}});
}

Json schema_pair() {
  return Json::object(
      {{"type", "array"}, {"items", type("number")}, {"minItems", 2}, {"maxItems", 2}});
}

std::vector<std::string> names_of(const Keys& keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) names.push_back(key.name);
  return names;
}

}  // namespace stockpot
