#include "stockpot/base/yaml_scalar.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <optional>
#include <system_error>

namespace stockpot {

namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool starts_with_sign(std::string_view text) {
  return !text.empty() && (text[0] == '-' || text[0] == '+');
}

std::size_t count_digits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

// [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
  if (starts_with_sign(text)) text.remove_prefix(1);
  std::size_t digits = count_digits(text);
  text.remove_prefix(digits);
  if (text.starts_with('.')) {
    const std::size_t fraction = count_digits(text.substr(1));
    text.remove_prefix(1 + fraction);
    digits += fraction;
  }
  if (digits == 0) return false;
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (starts_with_sign(text)) text.remove_prefix(1);
  return !text.empty() && count_digits(text) == text.size();
}

// The base of an integer, or 0; `digits` becomes what from_chars shall read.
int integer_base(std::string_view& digits) {
  const auto only = [&](std::string_view allowed) {
    return digits.size() > 2 && digits.find_first_not_of(allowed, 2) == std::string_view::npos;
  };
  const bool octal = digits.starts_with("0o") && only("01234567");
  const bool hexadecimal = digits.starts_with("0x") && only("0123456789abcdefABCDEF");
  if (octal || hexadecimal) {
    digits.remove_prefix(2);
    return octal ? 8 : 16;
  }
  const std::string_view unsigned_digits = digits.substr(starts_with_sign(digits) ? 1 : 0);
  if (digits.starts_with('+')) digits = unsigned_digits;
  const bool decimal =
      !unsigned_digits.empty() && count_digits(unsigned_digits) == unsigned_digits.size();
  return decimal ? 10 : 0;
}

std::optional<double> special_number(std::string_view text) {
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  const bool negative = text.starts_with('-');
  if (starts_with_sign(text)) text.remove_prefix(1);
  if (!is_one_of(text, {".inf", ".Inf", ".INF"})) return std::nullopt;
  const double infinity = std::numeric_limits<double>::infinity();
  return negative ? -infinity : infinity;
}

template <typename Value, typename... Base>
bool read_whole(std::string_view text, Value& value, Base... base) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

}  // namespace

bool resolve_plain_scalar(YamlNode& node) {
  std::string_view text = node.text;
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) {
    node.kind = YamlNode::Kind::null;
    return true;
  }
  if (const bool yes = is_one_of(text, {"true", "True", "TRUE"});
      yes || is_one_of(text, {"false", "False", "FALSE"})) {
    node.kind = YamlNode::Kind::boolean;
    node.boolean = yes;
    return true;
  }
  if (const auto special = special_number(text)) {
    node.kind = YamlNode::Kind::number;
    node.number = *special;
    return true;
  }
  if (std::string_view digits = text; const int base = integer_base(digits)) {
    node.kind = YamlNode::Kind::integer;
    if (!read_whole(digits, node.integer, base)) return false;
    node.number = static_cast<double>(node.integer);
    return true;
  }
  if (is_float(text)) {
    node.kind = YamlNode::Kind::number;
    if (text.starts_with('+')) text.remove_prefix(1);
    return read_whole(text, node.number);
  }
  node.kind = YamlNode::Kind::string;
  return true;
}

}  // namespace stockpot
