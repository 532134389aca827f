// How an augmentation is written: presets by name, and timm's "rand-m9-n2".
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/transform.h"

namespace stockpot {
namespace {

struct PresetRow {
  std::string_view name;
  Augmentation augmentation;
};

const PresetRow kPresets[] = {
    {"none", {}},
    {"minimal", {.crop = true, .min_scale = 0.9, .flip = 0.5}},
    {"medium", {.crop = true, .min_scale = 0.35, .flip = 0.5}},
    {"strong",
     {.crop = true,
      .min_scale = 0.08,
      .flip = 0.5,
      .brightness = 0.4,
      .contrast = 0.4,
      .saturation = 0.4,
      .hue = 0.1}},
};

constexpr std::string_view kWritten = "rand-m9-n2-mstd0.5-inc1";

// A part of the text: its letters, what its number may be, and where the number goes.
struct PartRow {
  std::string_view key, meaning;
  bool whole;
  double low, high;
  void (*set)(Augmentation&, double);
};

constexpr PartRow kParts[] = {
    {"m", "the magnitude", true, 0, 100, [](Augmentation& a, double v) { a.rand_magnitude = v; }},
    {"n", "the number of operations", true, 0, 100,
     [](Augmentation& a, double v) { a.rand_operations = static_cast<int>(v); }},
    {"mstd", "the magnitude's standard deviation", false, 0, 1e9,
     [](Augmentation& a, double v) { a.rand_std = v; }},
    {"mmax", "the largest magnitude", true, 1, 20,
     [](Augmentation& a, double v) { a.rand_max = v; }},
    {"inc", "stronger with a higher magnitude", true, 0, 1,
     [](Augmentation& a, double v) { a.rand_increasing = v != 0; }},
    {"p", "the probability of each operation", false, 0, 1,
     [](Augmentation& a, double v) { a.rand_probability = v; }},
};

std::optional<double> number_of(std::string_view text, bool whole) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value) || (whole && value != std::floor(value))) return std::nullopt;
  return value;
}

[[noreturn]] void refuse(const std::string& text, const std::string& problem) {
  throw UsageError("RandAugment '" + printable(text) + "': " + problem);
}

const PartRow& row_of(const std::string& text, std::string_view key, const std::string& part) {
  std::string known;
  for (const PartRow& row : kParts) {
    if (row.key == key) return row;
    known.append(known.empty() ? "" : ", ").append(row.key);
  }
  refuse(text, "'" + printable(part) + "' is not one of the parts " + known +
                   ", each with a number behind it, as in " + std::string(kWritten));
}

void read_part(const std::string& text, const std::string& part, std::set<std::string>& seen,
               Augmentation& augmentation) {
  const std::size_t digits = part.find_first_of("0123456789.");
  const std::string key = part.substr(0, digits);
  const PartRow& row = row_of(text, key, part);
  if (!seen.insert(key).second) refuse(text, key + " is given twice");
  const std::string number = digits == std::string::npos ? "" : part.substr(digits);
  const std::optional<double> value = number_of(number, row.whole);
  if (!value || *value < row.low || *value > row.high) {
    refuse(text, key + " (" + std::string(row.meaning) + ") should be a " +
                     (row.whole ? "whole " : "") + "number from " + shortest(row.low) + " to " +
                     shortest(row.high) + ", found '" + printable(number) + "'");
  }
  row.set(augmentation, *value);
}

}  // namespace

bool Augmentation::any() const {
  return crop || flip > 0 || brightness > 0 || contrast > 0 || saturation > 0 || hue > 0 ||
         rand_operations > 0 || erase > 0;
}

Augmentation augmentation_preset(const std::string& name) {
  if (name == "rand" || name.starts_with("rand-"))
    return parse_rand_augment(name, {.crop = true, .min_scale = 0.08, .flip = 0.5});
  std::string known;
  for (const PresetRow& preset : kPresets) {
    if (preset.name == name) return preset.augmentation;
    known.append(known.empty() ? "" : ", ").append(preset.name);
  }
  throw UsageError("augmentation '" + printable(name) + "' is not one of " + known +
                   ", nor RandAugment as in " + std::string(kWritten));
}

Augmentation parse_rand_augment(const std::string& text, Augmentation base) {
  const std::vector<std::string> parts = split(text, '-');
  if (parts.front() != "rand") refuse(text, "should begin with rand, as " + std::string(kWritten));
  // timm's defaults, whatever the base says.
  const Augmentation defaults;
  base.rand_operations = 2;
  base.rand_magnitude = defaults.rand_magnitude;
  base.rand_std = defaults.rand_std;
  base.rand_max = defaults.rand_max;
  base.rand_probability = defaults.rand_probability;
  base.rand_increasing = defaults.rand_increasing;
  std::set<std::string> seen;
  for (std::size_t i = 1; i < parts.size(); ++i) read_part(text, parts[i], seen, base);
  return base;
}

}  // namespace stockpot
