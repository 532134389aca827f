// Reading a map by the rows of its table.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

// 2^63, the double nearest to the largest integer, is no integer.
std::int64_t whole_bound(double bound) {
  return bound >= 9223372036854775808.0 ? std::numeric_limits<std::int64_t>::max()
                                        : static_cast<std::int64_t>(bound);
}

}  // namespace

MapReader::MapReader(const YamlNode& node, std::string what, const Keys& keys, Problems& problems)
    : node_(node),
      what_(std::move(what)),
      keys_(keys),
      problems_(problems),
      is_map_(check_keys(node, what_, names_of(keys), problems)) {}

const Key& MapReader::row(std::string_view key) const {
  const auto found = std::ranges::find(keys_, key, &Key::name);
  if (found == keys_.end())
    throw std::logic_error("no row for the key " + std::string(key) + " of " + what_);
  return *found;
}

const YamlNode* MapReader::find(std::string_view key) const { return node_.find(row(key).name); }

std::string MapReader::name(std::string_view key) const {
  return what_ == "the recipe" ? std::string(key) : what_ + "." + std::string(key);
}

bool MapReader::get(std::string_view key, double& field) const {
  const YamlNode* value = find(key);
  if (!value) return false;
  const Key& allowed = row(key);
  std::optional<double> number;
  if (allowed.kind == Key::Kind::duration) {
    number = parse_duration(value->text);
    if (!number || *number < allowed.low || *number > allowed.high) {
      wrong_type(*value, name(key),
                 "a duration such as 15s, 10m or 2h, from " + shortest(allowed.low) + "s to " +
                     shortest(allowed.high / 3600) + "h",
                 problems_);
      return false;
    }
  } else {
    number = read_number(*value, name(key), allowed.low, allowed.high, problems_);
  }
  if (number) field = *number;
  return number.has_value();
}

bool MapReader::get(std::string_view key, std::int64_t& field) const {
  const YamlNode* value = find(key);
  if (!value) return false;
  const auto number = read_integer(*value, name(key), whole_bound(row(key).low),
                                   whole_bound(row(key).high), problems_);
  if (number) field = *number;
  return number.has_value();
}

bool MapReader::get(std::string_view key, std::uint64_t& field) const {
  const Key& allowed = row(key);
  if (allowed.kind != Key::Kind::size) {
    std::int64_t number = 0;
    if (!get(key, number)) return false;
    field = static_cast<std::uint64_t>(number);
    return true;
  }
  const YamlNode* value = find(key);
  if (!value) return false;
  const auto bytes = parse_bytes(value->text);
  if (!bytes || static_cast<double>(*bytes) < allowed.low ||
      static_cast<double>(*bytes) > allowed.high) {
    problems_.add(*value, name(key) + " should be a size such as 512MB or 4GiB, found '" +
                              printable(value->text) + "'");
    return false;
  }
  field = *bytes;
  return true;
}

bool MapReader::get(std::string_view key, bool& field) const {
  const YamlNode* value = find(key);
  if (!value) return false;
  if (value->kind != YamlNode::Kind::boolean) {
    wrong_type(*value, name(key), "true or false", problems_);
    return false;
  }
  field = value->boolean;
  return true;
}

bool MapReader::get(std::string_view key, std::string& field) const {
  const YamlNode* value = find(key);
  if (!value) return false;
  const Key& allowed = row(key);
  if (value->kind == YamlNode::Kind::map || value->kind == YamlNode::Kind::list ||
      value->kind == YamlNode::Kind::null) {
    wrong_type(*value, name(key), "text", problems_);
    return false;
  }
  if (allowed.kind == Key::Kind::word &&
      std::ranges::find(allowed.words, value->text) == allowed.words.end()) {
    std::string words;
    for (std::size_t i = 0; i < allowed.words.size(); ++i)
      words += (i == 0                          ? "'"
                : i + 1 == allowed.words.size() ? " or '"
                                                : ", '") +
               allowed.words[i] + "'";
    problems_.add(*value,
                  name(key) + " should be " + words + ", found '" + printable(value->text) + "'");
    return false;
  }
  field = value->text;
  return true;
}

bool MapReader::get(std::string_view key, std::filesystem::path& field) const {
  const YamlNode* value = find(key);
  if (!value) return false;
  const auto path = read_path(*value, name(key), problems_);
  if (path) field = *path;
  return path.has_value();
}

}  // namespace stockpot
