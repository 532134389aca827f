// The settings about what training does to pictures: augment and randaugment.
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/setting.h"

namespace stockpot {
namespace {

using S = TrainSettings;
using A = Augmentation;

// crop: [0.35, 1].
Setting pair_setting(Key key, double A::*first, double A::*second) {
  Setting setting;
  const double low = key.low, high = key.high;
  key.kind = Key::Kind::other;
  key.schema = schema_pair;
  setting.get = [=](const S& s) {
    return Json(Json::Array{s.custom_augmentation.*first, s.custom_augmentation.*second});
  };
  setting.set = [=](S& s, const Json& value) {
    if (!value.is_array() || value.items().size() != 2)
      throw UsageError("should be a list [low, high], found " + value.dump());
    const std::vector<double> ends = numbers_in(value, low, high);
    if (ends[0] > ends[1]) throw UsageError("has its low above its high: " + value.dump());
    s.custom_augmentation.*first = ends[0], s.custom_augmentation.*second = ends[1];
  };
  setting.key = std::move(key);
  return setting;
}

Setting strength(const char* name, double high, double A::*field, const char* help) {
  return real_setting(number_key(name, 0, high, help), at(&S::custom_augmentation, field));
}

// A map as version 0.1 wrote it into results.
Json custom_json(const A& a) {
  Json custom = Json::object({{"flip", a.flip},
                              {"brightness", a.brightness},
                              {"contrast", a.contrast},
                              {"saturation", a.saturation},
                              {"hue", a.hue}});
  if (a.crop) {
    custom.set("crop", Json::Array{a.min_scale, a.max_scale});
    custom.set("ratio", Json::Array{a.min_ratio, a.max_ratio});
  }
  return custom;
}

// Text as timm writes it; "rand-" in front may be left out.
RandAugmentSettings rand_of(const Json& value) {
  if (value.is_null() || (value.is_bool() && !value.as_bool()) ||
      (value.is_string() && value.as_string() == "none"))
    return {};
  if (!value.is_string())
    throw UsageError(
        "should be text such as rand-m9-n2-mstd0.5-inc1, a map {m, n, mstd, mmax, p, inc} or "
        "none, found " +
        value.dump());
  const std::string& text = value.as_string();
  const Augmentation parsed = parse_rand_augment(text.starts_with("rand") ? text : "rand-" + text);
  return {true,
          parsed.rand_magnitude,
          parsed.rand_operations,
          parsed.rand_std,
          parsed.rand_max,
          parsed.rand_probability,
          parsed.rand_increasing};
}

}  // namespace

Setting augment_setting() {
  Setting augment = word_setting(
      word_key(
          "augment", {"none", "minimal", "medium", "strong"},
          "crops, flips and colours: none, minimal, medium, strong, timm's rand-m9-n2, or a map"),
      at(&S::augment));
  augment.key.kind = Key::Kind::other;
  augment.key.schema = [words = augment.key.words] {
    return schema_any_of({schema_of(word_key("", words, "")),
                          Json::object({{"type", "string"}, {"pattern", "^rand($|-)"}})});
  };
  augment.set = [set = augment.set](S& s, const Json& value) {
    const std::string text = value.is_string() ? value.as_string() : "";
    // RandAugment with timm's crop and flip.
    if (text != "rand" && !text.starts_with("rand-")) return set(s, value);
    augmentation_preset(text);  // throws when it is wrong
    s.augment = text;
  };
  augment.get = [](const S& s) {
    return s.augment == "custom" ? custom_json(s.custom_augmentation) : Json(s.augment);
  };
  augment.clear = [](S& s) {
    s.augment = "custom";
    s.custom_augmentation = {};
  };
  Setting crop =
      pair_setting(number_key("crop", 1e-4, 1, "share of the picture's area that a crop shows"),
                   &A::min_scale, &A::max_scale);
  crop.set = [set = crop.set](S& s, const Json& value) {
    set(s, value);
    s.custom_augmentation.crop = true;
  };
  augment.members = {
      crop,
      pair_setting(number_key("ratio", 0.01, 100, "width to height of a crop"), &A::min_ratio,
                   &A::max_ratio),
      strength("flip", 1, &A::flip, "probability of a horizontal flip"),
      strength("brightness", 10, &A::brightness, "of torchvision's ColorJitter"),
      strength("contrast", 10, &A::contrast, "of torchvision's ColorJitter"),
      strength("saturation", 10, &A::saturation, "of torchvision's ColorJitter"),
      strength("hue", 0.5, &A::hue, "of torchvision's ColorJitter"),
  };
  return augment;
}

Setting randaugment_setting() {
  using R = RandAugmentSettings;
  const auto part = [](auto R::*field) { return at(&S::randaugment, field); };
  Setting randaugment;
  randaugment.key = other_key(
      "randaugment",
      [] {
        return schema_any_of(
            {schema_null(), Json::object({{"const", false}}), Json::object({{"type", "string"}})});
      },
      "RandAugment: rand-m9-n2-mstd0.5-inc1 or {m, n, mstd, mmax, p, inc}; none or null: off");
  randaugment.get = [](const S& s) {
    const R& rand = s.randaugment;
    if (!rand.on) return Json();
    return Json::object({{"m", rand.magnitude},
                         {"n", rand.operations},
                         {"mstd", rand.deviation},
                         {"mmax", rand.largest},
                         {"p", rand.probability},
                         {"inc", rand.increasing}});
  };
  randaugment.set = [](S& s, const Json& value) { s.randaugment = rand_of(value); };
  randaugment.clear = [](S& s) {
    s.randaugment = {};
    s.randaugment.on = true;
  };
  randaugment.members = {
      real_setting(number_key("m", 0, 100, "magnitude"), part(&R::magnitude)),
      whole_setting(integer_key("n", 0, 100, "operations a picture"), part(&R::operations)),
      real_setting(number_key("mstd", 0, 1e9, "standard deviation of the magnitude"),
                   part(&R::deviation)),
      real_setting(number_key("mmax", 1, 20, "magnitudes above it act as this one"),
                   part(&R::largest)),
      real_setting(number_key("p", 0, 1, "probability of each operation"), part(&R::probability)),
      switch_setting(boolean_key("inc", "operations get stronger with the magnitude"),
                     part(&R::increasing)),
  };
  return randaugment;
}

}  // namespace stockpot
