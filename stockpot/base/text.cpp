#include "stockpot/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numeric>

namespace stockpot {

std::string fixed(double value, int decimals) {
  // The largest double has 309 digits before the point.
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, std::clamp(decimals, 0, 60));
  return std::string(buffer.data(), end.ptr);
}

std::string significant(double value, int digits) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::general, std::clamp(digits, 1, 17));
  return std::string(buffer.data(), end.ptr);
}

std::string shortest(double value) {
  // Python's rule for when to use an exponent; to_chars alone would write 100000 as 1e+05.
  const double magnitude = std::abs(value);
  const bool plain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  return std::string(buffer.data(), end.ptr);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  static constexpr std::array<std::string_view, 6> kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.5 would be shown as 1000.
  for (; value >= 999.5; value /= 1000) ++unit;
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fixed(value, decimals).append(" ").append(kUnits[unit]);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !(value >= 0)) return std::nullopt;
  std::string unit = lower_ascii(trim(text.substr(static_cast<std::size_t>(end - text.data()))));
  if (unit.ends_with('b')) unit.pop_back();
  constexpr std::string_view kUnits[] = {"", "k", "m", "g", "t"};
  for (const bool binary : {false, true})
    for (std::size_t power = 0; power < std::size(kUnits); ++power) {
      if (unit != std::string(kUnits[power]) + (binary ? "i" : "") || (binary && power == 0))
        continue;
      const double bytes = value * std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power));
      if (bytes >= 0x1p63) return std::nullopt;
      return static_cast<std::uint64_t>(bytes);
    }
  return std::nullopt;
}

std::string human_duration(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  seconds = std::max(seconds, 0.0);
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  // Beyond 10,000 years the exact number does not matter, but the cast must stay defined.
  const auto total = static_cast<std::int64_t>(std::llround(std::min(seconds, 3e11)));
  const auto pair = [](std::int64_t big, const char* big_unit, std::int64_t small,
                       const char* small_unit) {
    return std::to_string(big) + big_unit + std::to_string(small) + small_unit;
  };
  if (total < 60) return std::to_string(total) + " s";
  if (total < 3600) return pair(total / 60, " min ", total % 60, " s");
  if (total < 86400) return pair(total / 3600, " h ", total % 3600 / 60, " min");
  return pair(total / 86400, " d ", total % 86400 / 3600, " h");
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    joined += parts[i];
  }
  return joined;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view trim(std::string_view text) {
  static constexpr std::string_view kWhite = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

namespace {

// Optimal string alignment: insert, delete, replace, or swap two neighbours, each costs 1.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
      current[j] = std::min({replace, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kLongestWord = 200;  // the table below is quadratic
  if (word.empty() || word.size() > kLongestWord) return {};
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view found;
  for (const std::string& candidate : candidates) {
    if (candidate.size() >= word.size() + best || word.size() >= candidate.size() + best) continue;
    const std::size_t distance = edit_distance(lower_ascii(word), lower_ascii(candidate));
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return std::string(found);
}

}  // namespace stockpot
