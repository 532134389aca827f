#include "stockpot/base/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {

namespace {

constexpr auto kLargestSigned =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::string_view kind_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "true or false";
  if (value.is_integer() || value.is_unsigned()) return "an integer";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "text";
  return value.is_array() ? "a list" : "an object";
}

[[noreturn]] void refuse(const Json& value, std::string_view expected) {
  throw FormatError(
      std::string("found ").append(kind_of(value)).append(", expected ").append(expected));
}

}  // namespace

Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
// Not = default: g++ 12 splits that into a hot and an empty cold part, whose empty entry in the
// table of unwinding hides its neighbour's, and an exception thrown there ends the process.
Json& Json::operator=(Json&& other) noexcept {
  Json taken(std::move(other));  // which may be this value, or a part of it
  std::destroy_at(this);
  std::construct_at(this, std::move(taken));
  return *this;
}
Json::~Json() = default;

Json::Json(std::uint64_t value) {
  if (value <= kLargestSigned) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = value;
  }
}

Json Json::from(Object members) {
  Json json;
  json.value_ = std::move(members);
  return json;
}

Json Json::object(std::initializer_list<Member> members) {
  Json json = from({});
  for (const Member& member : members) json.set(member.first, member.second);
  return json;
}

bool Json::is_integer() const { return std::holds_alternative<std::int64_t>(value_); }

bool Json::is_unsigned() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value >= 0;
  return std::holds_alternative<std::uint64_t>(value_);
}

bool Json::is_number() const {
  return is_integer() || is_unsigned() || std::holds_alternative<double>(value_);
}

bool Json::as_bool() const {
  if (const auto* value = std::get_if<bool>(&value_)) return *value;
  refuse(*this, "true or false");
}

std::int64_t Json::as_integer() const {
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
  refuse(*this, "an integer below 2^63");
}

std::uint64_t Json::as_unsigned() const {
  if (const auto* value = std::get_if<std::uint64_t>(&value_)) return *value;
  if (is_unsigned()) return static_cast<std::uint64_t>(std::get<std::int64_t>(value_));
  refuse(*this, "an integer that is not negative");
}

double Json::as_number() const {
  if (const auto* value = std::get_if<double>(&value_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*value);
  refuse(*this, "a number");
}

const std::string& Json::as_string() const {
  if (const auto* value = std::get_if<std::string>(&value_)) return *value;
  refuse(*this, "text");
}

const Json::Array& Json::items() const {
  if (const auto* value = std::get_if<Array>(&value_)) return *value;
  refuse(*this, "a list");
}

const Json::Object& Json::members() const {
  if (const auto* value = std::get_if<Object>(&value_)) return *value;
  refuse(*this, "an object");
}

const Json* Json::find(std::string_view key) const {
  const auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, key, &Member::first);
  return found == members->end() ? nullptr : &found->second;
}

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) refuse(*this, "an object");
  const auto found = std::ranges::find(*members, key, &Member::first);
  if (found == members->end()) {
    return members->emplace_back(std::string(key), std::move(value)).second;
  }
  return found->second = std::move(value);
}

void Json::push(Json value) {
  if (is_null()) value_ = Array{};
  auto* items = std::get_if<Array>(&value_);
  if (items == nullptr) refuse(*this, "a list");
  items->push_back(std::move(value));
}

}  // namespace stockpot
