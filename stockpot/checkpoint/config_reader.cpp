#include "stockpot/checkpoint/config_reader.h"

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::int64_t kLargestImage = 8192;

// The value itself when it is short enough to print.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  const std::string text = printable(value.dump());
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

}  // namespace

ConfigReader::ConfigReader(const Json& object, const fs::path& file, std::string prefix)
    : object_(object), file_(file), prefix_(std::move(prefix)) {
  if (!object.is_object())
    throw FormatError(file, prefix_.empty() ? "expected a JSON object, found " + shown(object)
                                            : "'" + prefix_.substr(0, prefix_.size() - 1) +
                                                  "' must be an object, is " + shown(object));
}

void ConfigReader::fail(std::string_view key, const std::string& problem) const {
  throw FormatError(file_, "'" + prefix_ + std::string(key) + "' " + problem);
}

const Json* ConfigReader::find(std::string_view key) const {
  const Json* value = object_.find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::int64_t ConfigReader::in_range(std::string_view key, const Json& value, std::int64_t lowest,
                                    std::int64_t highest) const {
  if (!value.is_integer() || value.as_integer() < lowest || value.as_integer() > highest)
    fail(key, "must be an integer from " + std::to_string(lowest) + " to " +
                  std::to_string(highest) + ", is " + shown(value));
  return value.as_integer();
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t fallback, std::int64_t lowest,
                                   std::int64_t highest) const {
  const Json* value = find(key);
  return value == nullptr ? fallback : in_range(key, *value, lowest, highest);
}

double ConfigReader::number(std::string_view key, double fallback, double lowest,
                            double highest) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number() || !(value->as_number() >= lowest && value->as_number() <= highest))
    fail(key, "must be a number from " + shortest(lowest) + " to " + shortest(highest) + ", is " +
                  shown(*value));
  return value->as_number();
}

bool ConfigReader::boolean(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) fail(key, "must be true or false, is " + shown(*value));
  return value->as_bool();
}

std::string ConfigReader::string(std::string_view key, std::string_view fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) fail(key, "must be a string, is " + shown(*value));
  return value->as_string();
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key, std::size_t count,
                                                 std::int64_t lowest, std::int64_t highest) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array() || value->items().size() != count)
    fail(key, "must be a list of " + std::to_string(count) + " integers");
  std::vector<std::int64_t> numbers;
  for (const Json& item : value->items()) numbers.push_back(in_range(key, item, lowest, highest));
  return numbers;
}

std::vector<std::string> ConfigReader::strings(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_array()) fail(key, "must be a list of strings");
  std::vector<std::string> texts;
  for (const Json& item : value->items()) {
    if (!item.is_string()) fail(key, "must be a list of strings, holds " + shown(item));
    texts.push_back(item.as_string());
  }
  return texts;
}

std::array<float, 3> ConfigReader::colour(std::string_view key, std::array<float, 3> fallback,
                                          double lowest) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  const bool list = value->is_array() && value->items().size() == 3;
  std::array<float, 3> numbers{};
  for (std::size_t i = 0; i < 3; ++i) {
    const bool good = list && value->items()[i].is_number() &&
                      value->items()[i].as_number() >= lowest &&
                      value->items()[i].as_number() <= 1e6;
    if (!good) fail(key, "must be a list of 3 numbers of at least " + shortest(lowest));
    numbers[i] = static_cast<float>(value->items()[i].as_number());
  }
  return numbers;
}

std::pair<std::int64_t, std::int64_t> ConfigReader::size(std::string_view key,
                                                         std::int64_t fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return {fallback, fallback};
  if (value->is_array()) {
    const auto both = integers(key, 2, 1, kLargestImage);
    return {both[0], both[1]};
  }
  if (!value->is_object()) {
    const std::int64_t edge = in_range(key, *value, 1, kLargestImage);
    return {edge, edge};
  }
  const ConfigReader edges = child(key);
  if (!edges.has("height") || !edges.has("width"))
    fail(key, "must be a number or have 'height' and 'width'");
  return {edges.integer("height", 0, 1, kLargestImage),
          edges.integer("width", 0, 1, kLargestImage)};
}

ConfigReader ConfigReader::child(std::string_view key) const {
  static const Json empty = Json::object();
  const Json* value = find(key);
  return {value == nullptr ? empty : *value, file_, prefix_ + std::string(key) + "."};
}

}  // namespace stockpot
