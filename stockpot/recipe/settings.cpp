// The settings of a training run: one table of keys, used by recipes, searches and flags.
#include <cmath>
#include <functional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

double number_in(const Json& value, double low, double high) {
  if (!value.is_number()) throw UsageError("should be a number, found " + value.dump());
  const double number = value.as_number();
  if (!(number >= low && number <= high))
    throw UsageError("should lie in " + shortest(low) + ".." + shortest(high) + ", found " +
                     shortest(number));
  return number;
}

std::int64_t integer_in(const Json& value, std::int64_t low, std::int64_t high) {
  if (!value.is_integer()) throw UsageError("should be a whole number, found " + value.dump());
  return static_cast<std::int64_t>(
      number_in(value, static_cast<double>(low), static_cast<double>(high)));
}

std::string word_among(const Json& value, const std::vector<std::string>& words) {
  if (value.is_string())
    for (const std::string& word : words)
      if (value.as_string() == word) return word;
  throw UsageError("should be one of " + join(words, ", ") + ", found " + value.dump());
}

struct Setting {
  std::string key;
  std::function<Json(const TrainSettings&)> get;
  std::function<void(TrainSettings&, const Json&)> set;
};

Setting real(const char* key, double TrainSettings::*field, double low, double high) {
  return {key, [=](const TrainSettings& s) { return Json(s.*field); },
          [=](TrainSettings& s, const Json& v) { s.*field = number_in(v, low, high); }};
}

Setting whole(const char* key, std::int64_t TrainSettings::*field, std::int64_t low,
              std::int64_t high) {
  return {key, [=](const TrainSettings& s) { return Json(s.*field); },
          [=](TrainSettings& s, const Json& v) { s.*field = integer_in(v, low, high); }};
}

Setting word(const char* key, std::string TrainSettings::*field, std::vector<std::string> words) {
  return {key, [=](const TrainSettings& s) { return Json(s.*field); },
          [=](TrainSettings& s, const Json& v) { s.*field = word_among(v, words); }};
}

const std::vector<Setting>& settings_table() {
  static const std::vector<Setting> table = {
      word("optimizer", &TrainSettings::optimizer, {"adamw", "sgd"}),
      real("lr", &TrainSettings::lr, 0, 100),
      real("weight_decay", &TrainSettings::weight_decay, 0, 100),
      real("momentum", &TrainSettings::momentum, 0, 0.999999),
      word("schedule", &TrainSettings::schedule, {"cosine", "linear", "constant"}),
      real("warmup", &TrainSettings::warmup, 0, 1),
      whole("epochs", &TrainSettings::epochs, 1, 100000),
      whole("batch", &TrainSettings::batch, 1, 1 << 20),
      real("label_smoothing", &TrainSettings::label_smoothing, 0, 0.999999),
      real("clip_norm", &TrainSettings::clip_norm, 0, 1e9),
      word("batchnorm", &TrainSettings::batchnorm, {"live", "frozen"}),
      word("augment", &TrainSettings::augment, {"none", "minimal", "medium", "strong"}),
  };
  return table;
}

// augment: {crop: [0.35, 1], flip: 0.5, brightness: 0.4, ...} instead of a preset's name.
void read_augmentation(const YamlNode& node, const std::string& what, TrainSettings& settings,
                       Problems& problems) {
  if (!check_keys(node, what,
                  {"crop", "ratio", "flip", "brightness", "contrast", "saturation", "hue"},
                  problems))
    return;
  Augmentation& augmentation = settings.custom_augmentation;
  augmentation = {};
  const auto pair = [&](const char* key, double low, double high, double& first, double& second) {
    const YamlNode* range = node.find(key);
    if (!range) return false;
    if (range->kind != YamlNode::Kind::list || range->items.size() != 2) {
      problems.add(*range, what + "." + key + " should be a list [low, high]");
      return false;
    }
    const auto a = read_number(range->items[0], what + "." + key, low, high, problems);
    const auto b = read_number(range->items[1], what + "." + key, low, high, problems);
    if (!a || !b) return false;
    if (*a > *b) problems.add(*range, what + "." + key + ": low is above high");
    first = *a, second = *b;
    return true;
  };
  augmentation.crop = pair("crop", 1e-4, 1, augmentation.min_scale, augmentation.max_scale);
  pair("ratio", 0.01, 100, augmentation.min_ratio, augmentation.max_ratio);
  const auto strength = [&](const char* key, double high, double& field) {
    if (const YamlNode* value = node.find(key))
      field = read_number(*value, what + "." + key, 0, high, problems).value_or(0);
  };
  strength("flip", 1, augmentation.flip);
  strength("brightness", 10, augmentation.brightness);
  strength("contrast", 10, augmentation.contrast);
  strength("saturation", 10, augmentation.saturation);
  strength("hue", 0.5, augmentation.hue);
  settings.augment = "custom";
}

}  // namespace

void TrainSettings::set(const std::string& key, const Json& value) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings_table()) {
    if (setting.key == key) {
      try {
        setting.set(*this, value);
      } catch (const UsageError& error) {
        throw UsageError(key + " " + error.what());
      }
      return;
    }
    keys.push_back(setting.key);
  }
  const std::string near = nearest(key, keys);
  throw UsageError(
      "unknown setting '" + printable(key) + "'" +
      (near.empty() ? "; known settings: " + join(keys, ", ") : "; did you mean '" + near + "'?"));
}

std::vector<std::pair<std::string, Json>> TrainSettings::all() const {
  std::vector<std::pair<std::string, Json>> values;
  for (const Setting& setting : settings_table())
    values.emplace_back(setting.key, setting.get(*this));
  if (augment == "custom") {
    const Augmentation& a = custom_augmentation;
    Json custom = Json::object({{"flip", a.flip},
                                {"brightness", a.brightness},
                                {"contrast", a.contrast},
                                {"saturation", a.saturation},
                                {"hue", a.hue}});
    if (a.crop) {
      custom.set("crop", Json::Array{a.min_scale, a.max_scale});
      custom.set("ratio", Json::Array{a.min_ratio, a.max_ratio});
    }
    values.back().second = custom;
  }
  return values;
}

Augmentation TrainSettings::augmentation() const {
  return augment == "custom" ? custom_augmentation : augmentation_preset(augment);
}

void read_settings(const YamlNode& node, const std::string& what, TrainSettings& settings,
                   std::initializer_list<std::string> except, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, what + " should be a map, found " + std::string(node.kind_name()));
    return;
  }
  for (const auto& [key, value] : node.members) {
    bool left_out = false;
    for (const std::string& name : except) left_out = left_out || name == key.text;
    if (left_out) continue;
    if (key.text == "augment" && value.kind == YamlNode::Kind::map) {
      read_augmentation(value, what + ".augment", settings, problems);
      continue;
    }
    try {
      settings.set(key.text, scalar_value(value));
    } catch (const UsageError& error) {
      problems.add(value, what + ": " + error.what());
    }
  }
}

}  // namespace stockpot
