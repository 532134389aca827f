// The settings of a training run: one table of keys, used by recipes, searches, flags and
// `config schema`.
#include <algorithm>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/setting.h"

namespace stockpot {

double number_in(const Json& value, const Key& key) {
  if (!value.is_number()) throw UsageError("should be a number, found " + value.dump());
  const double number = value.as_number();
  if (!(number >= key.low && number <= key.high))
    throw UsageError("should lie in " + shortest(key.low) + ".." + shortest(key.high) + ", found " +
                     shortest(number));
  return number;
}

std::int64_t integer_in(const Json& value, const Key& key) {
  if (!value.is_integer()) throw UsageError("should be a whole number, found " + value.dump());
  return static_cast<std::int64_t>(number_in(value, key));
}

std::string word_among(const Json& value, const std::vector<std::string>& words) {
  if (value.is_string())
    for (const std::string& word : words)
      if (value.as_string() == word) return word;
  throw UsageError("should be one of " + join(words, ", ") + ", found " + value.dump());
}

bool boolean_of(const Json& value) {
  if (!value.is_bool()) throw UsageError("should be true or false, found " + value.dump());
  return value.as_bool();
}

std::vector<double> numbers_in(const Json& value, double low, double high) {
  const Key item = number_key("", low, high, "");
  if (!value.is_array()) return {number_in(value, item)};
  std::vector<double> numbers;
  for (const Json& number : value.items()) numbers.push_back(number_in(number, item));
  return numbers;
}

namespace {

using S = TrainSettings;

Json number_list(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push(value);
  return list;
}

// A share of the steps, {steps: N} or {epochs: N}.
Setting warmup_setting() {
  Setting warmup = real_setting(
      number_key("warmup", 0, 1, "linear warm-up: a share of the steps, {steps: N} or {epochs: N}"),
      at(&S::warmup));
  warmup.get = [](const S& s) {
    if (s.warmup_steps > 0) return Json::object({{"steps", s.warmup_steps}});
    if (s.warmup_epochs > 0) return Json::object({{"epochs", s.warmup_epochs}});
    return Json(s.warmup);
  };
  warmup.set = [set = warmup.set](S& s, const Json& value) {
    s.warmup_steps = 0, s.warmup_epochs = 0;
    set(s, value);
  };
  warmup.clear = [](S& s) { s.warmup = 0, s.warmup_steps = 0, s.warmup_epochs = 0; };
  warmup.members = {
      whole_setting(integer_key("steps", 0, 1'000'000'000, "steps of warm-up"),
                    at(&S::warmup_steps)),
      real_setting(number_key("epochs", 0, 100000, "epochs of warm-up"), at(&S::warmup_epochs))};
  warmup.one_member = true;
  return warmup;
}

// all, head, batchnorm, {top: k} or {freeze_bottom: k}.
Setting trained_setting() {
  Setting trained = word_setting(
      word_key("train", {"all", "head", "batchnorm"},
               "what trains: all, head, batchnorm (its weights and the head), {top: k} layers and "
               "the head, {freeze_bottom: k} all but the lowest layers"),
      at(&S::trained));
  trained.get = [](const S& s) {
    return s.trained_layers > 0 ? Json::object({{s.trained, s.trained_layers}}) : Json(s.trained);
  };
  trained.set = [set = trained.set](S& s, const Json& value) {
    set(s, value);
    s.trained_layers = 0;
  };
  trained.clear = [](S& s) { s.trained = "all", s.trained_layers = 0; };
  trained.one_member = true;
  for (const char* name : {"top", "freeze_bottom"}) {
    Setting member = whole_setting(integer_key(name, 1, 10000, "layers"), at(&S::trained_layers));
    member.set = [name, set = member.set](S& s, const Json& value) {
      set(s, value);
      s.trained = name;
    };
    trained.members.push_back(member);
  }
  return trained;
}

Setting l2sp_setting() {
  Setting l2sp;
  l2sp.key = other_key(
      "l2sp", [] { return Json(); },
      "L2-SP: alpha |w - start|^2 over the backbone + beta |w|^2 over the head is added to the "
      "loss");
  l2sp.get = [](const S& s) {
    return Json::object({{"alpha", s.l2sp_alpha}, {"beta", s.l2sp_beta}});
  };
  l2sp.set = [](S&, const Json& value) {
    throw UsageError("should be a map {alpha, beta}, found " + value.dump());
  };
  l2sp.clear = [](S& s) { s.l2sp_alpha = 0, s.l2sp_beta = 0; };
  l2sp.members = {
      real_setting(number_key("alpha", 0, 1e6, "weight on the distance of the backbone"),
                   at(&S::l2sp_alpha)),
      real_setting(number_key("beta", 0, 1e6, "weight on the size of the head"),
                   at(&S::l2sp_beta))};
  return l2sp;
}

Setting milestones_setting() {
  const Key epoch = integer_key("", 1, 100000, "");
  Setting milestones;
  milestones.key = other_key(
      "milestones", [epoch] { return schema_list_of(schema_of(epoch)); },
      "schedule step: after these epochs the rate falls to gamma times itself");
  milestones.get = [](const S& s) {
    Json list = Json::array();
    for (const std::int64_t one : s.milestones) list.push(one);
    return list;
  };
  milestones.set = [epoch](S& s, const Json& value) {
    if (!value.is_array()) throw UsageError("should be a list of epochs, found " + value.dump());
    std::vector<std::int64_t> epochs;
    for (const Json& item : value.items()) epochs.push_back(integer_in(item, epoch));
    if (std::ranges::adjacent_find(epochs, std::greater_equal<>()) != epochs.end())
      throw UsageError("should increase from epoch to epoch, found " + value.dump());
    s.milestones = epochs;
  };
  return milestones;
}

Setting ema_setting() {
  Setting ema;
  ema.key = other_key(
      "ema",
      [] {
        const Json decay = schema_of(number_key("", 0, 0.9999999999, ""));
        return schema_any_of({decay, schema_list_of(decay)});
      },
      "decays of moving averages of the weights; each leaves a model of its own");
  ema.get = [](const S& s) { return number_list(s.ema); };
  ema.set = [](S& s, const Json& value) {
    const std::vector<double> decays = numbers_in(value, 0, 0.9999999999);
    if (std::set(decays.begin(), decays.end()).size() != decays.size())
      throw UsageError("should name each decay once, found " + value.dump());
    s.ema = decays;
  };
  return ema;
}

// true, or {start, end, tolerance}.
Setting swad_setting() {
  const auto part = [](auto SwadSettings::*field) { return at(&S::swad, field); };
  Setting swad;
  swad.key = boolean_key("swad",
                         "SWAD: the weights after every step of the epochs in the valley of the "
                         "held-out loss are averaged; true, false or {start, end, tolerance}");
  swad.get = [](const S& s) {
    if (!s.swad.on) return Json(false);
    return Json::object(
        {{"start", s.swad.start}, {"end", s.swad.end}, {"tolerance", s.swad.tolerance}});
  };
  swad.set = [](S& s, const Json& value) {
    const bool on = boolean_of(value);
    s.swad = {};
    s.swad.on = on;
  };
  swad.clear = [](S& s) {
    s.swad = {};
    s.swad.on = true;
  };
  swad.members = {
      whole_setting(integer_key("start", 1, 100000,
                                "losses of which the first is the least where the valley begins"),
                    part(&SwadSettings::start)),
      whole_setting(
          integer_key("end", 1, 100000, "losses in a row above the threshold behind its end"),
          part(&SwadSettings::end)),
      real_setting(number_key("tolerance", 1e-6, 1e6,
                              "the threshold, as a multiple of the mean of its first losses"),
                   part(&SwadSettings::tolerance))};
  return swad;
}

// The settings of version 0.1, in the order in which results name them.
std::vector<Setting> first_settings() {
  std::vector<Setting> table = {
      word_setting(word_key("optimizer", {"adamw", "sgd", "adafactor", "sam"},
                            "sam is sgd, sharpness-aware"),
                   at(&S::optimizer)),
      real_setting(number_key("lr", 0, 100, "learning rate"), at(&S::lr)),
      real_setting(
          number_key("weight_decay", 0, 100, "not on biases, norms, class token, positions"),
          at(&S::weight_decay)),
      real_setting(number_key("momentum", 0, 0.999999, "of sgd and sam"), at(&S::momentum)),
      word_setting(word_key("schedule", {"cosine", "linear", "constant", "step"},
                            "of the learning rate, stepped every batch; step falls at milestones"),
                   at(&S::schedule)),
      warmup_setting(),
      whole_setting(integer_key("epochs", 0, 100000,
                                "passes over the training set; 0: the start itself, untrained"),
                    at(&S::epochs)),
      whole_setting(integer_key("batch", 1, 1 << 20, "pictures a batch"), at(&S::batch)),
      real_setting(number_key("label_smoothing", 0, 0.999999, "share of the label given to all"),
                   at(&S::label_smoothing)),
      real_setting(number_key("clip_norm", 0, 1e9, "largest norm of the gradient; 0: off"),
                   at(&S::clip_norm)),
      word_setting(word_key("batchnorm", {"live", "frozen"},
                            "frozen: the running statistics are used and stay as they are"),
                   at(&S::batchnorm)),
      augment_setting(),
  };
  for (Setting& setting : table) setting.since_first = true;
  return table;
}

std::vector<Setting> later_settings() {
  return {
      switch_setting(boolean_key("nesterov", "Nesterov's momentum, of sgd and sam"),
                     at(&S::nesterov)),
      real_setting(number_key("sam_rho", 0, 100, "sam: radius of the neighbourhood"),
                   at(&S::sam_rho)),
      milestones_setting(),
      real_setting(number_key("gamma", 0, 1, "schedule step: what the rate is multiplied by"),
                   at(&S::gamma)),
      whole_setting(integer_key("accumulate", 1, 65536, "batches whose gradients make one step"),
                    at(&S::accumulate)),
      randaugment_setting(),
      real_setting(number_key("mixup", 0, 100, "alpha of mixup; 0: off"), at(&S::mixup)),
      real_setting(number_key("cutmix", 0, 100, "alpha of CutMix; 0: off"), at(&S::cutmix)),
      real_setting(number_key("mix_probability", 0, 1, "share of the batches that are mixed"),
                   at(&S::mix_probability)),
      real_setting(number_key("erase", 0, 1, "probability of random erasing"), at(&S::erase)),
      real_setting(number_key("dropout", 0, 0.99, "before the head"), at(&S::dropout)),
      real_setting(number_key("drop_path", 0, 0.99,
                              "stochastic depth: the last block's rate, rising from 0"),
                   at(&S::drop_path)),
      real_setting(number_key("layer_decay", 0, 1,
                              "a layer's learning rate, as a share of that of the layer above"),
                   at(&S::layer_decay)),
      real_setting(number_key("head_lr", 0, 1e6, "the head's learning rate, as a multiple of lr"),
                   at(&S::head_lr)),
      ema_setting(),
      real_setting(number_key("swa", 0, 1, "last share of the epochs whose weights are averaged"),
                   at(&S::swa)),
      whole_setting(
          integer_key("lawa", 0, 100000, "so many last epochs whose weights are averaged; 0: off"),
          at(&S::lawa)),
      swad_setting(),
      trained_setting(),
      real_setting(number_key("gradual_unfreeze", 0, 1,
                              "layers begin to train one by one, from the head down, over this "
                              "share of the epochs; 0: all from the start"),
                   at(&S::gradual_unfreeze)),
      l2sp_setting(),
      switch_setting(boolean_key("side_network",
                                 "side-tuning: the backbone is frozen, a second "
                                 "one that starts at random adds its features"),
                     at(&S::side_network)),
  };
}

}  // namespace

const std::vector<Setting>& settings_table() {
  static const std::vector<Setting> table = [] {
    std::vector<Setting> rows = first_settings();
    for (Setting& row : later_settings()) rows.push_back(std::move(row));
    return rows;
  }();
  return table;
}

}  // namespace stockpot
