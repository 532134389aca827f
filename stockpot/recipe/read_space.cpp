// The space of a search: which settings are drawn or listed, and how.
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

using Kind = Distribution::Kind;

const std::vector<std::string> kForms = {"uniform", "loguniform", "pow10",    "int",     "choice",
                                         "mixture", "value",      "logspace", "linspace"};

bool is_form(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::map || node.members.size() != 1) return false;
  for (const std::string& form : kForms)
    if (node.find(form)) return true;
  return false;
}

// Reads what one setting draws. A list is a list of values in a grid, where `lists` is set, and
// inside of another distribution; at the top of a random search it would be ambiguous.
class DistributionReader {
 public:
  DistributionReader(bool lists, bool maps, Problems& problems)
      : lists_(lists), maps_(maps), problems_(problems) {}

  Distribution read(const YamlNode& node, const std::string& what, bool top = true) const {
    Distribution distribution;
    if (node.kind == YamlNode::Kind::list && top) {
      if (lists_) return choice(node, what);
      problems_.add(node, what + ": write {choice: [...]} to draw from a list");
      return distribution;
    }
    if (node.kind != YamlNode::Kind::map) {
      distribution.value = json_value(node);
      return distribution;
    }
    if (maps_ && !is_form(node)) return map(node, what);
    if (!check_keys(node, what, kForms, problems_)) return distribution;
    if (node.members.size() != 1) {
      problems_.add(node, what + " needs exactly one of " + join(kForms, ", "));
      return distribution;
    }
    return form(node, what);
  }

 private:
  Distribution form(const YamlNode& node, const std::string& what) const {
    const auto& [key, value] = node.members.front();
    const std::string inner = what + "." + key.text;
    if (key.text == "mixture") return mixture(value, inner);
    if (key.text == "choice") return choice(value, inner);
    if (key.text == "value") return read(value, inner, false);
    if (key.text == "logspace" || key.text == "linspace") return spaced(node, what);
    Distribution distribution;
    if (key.text == "pow10") {
      distribution.kind = Kind::power_of_ten;
      distribution.options.push_back(read(value, inner, false));
      for (const Json& end : distribution.options.front().extremes())
        if (!end.is_number() || std::abs(end.as_number()) > 300)
          problems_.add(value, inner + " should draw exponents, for instance {uniform: [-4, -1]}");
      return distribution;
    }
    distribution.kind = key.text == "int"       ? Kind::integer
                        : key.text == "uniform" ? Kind::uniform
                                                : Kind::loguniform;
    range(value, inner, distribution);
    return distribution;
  }

  void range(const YamlNode& node, const std::string& what, Distribution& distribution) const {
    if (node.kind != YamlNode::Kind::list || node.items.size() != 2) {
      problems_.add(node, what + " should be a list [low, high]");
      return;
    }
    // Whole numbers must fit their 64 bits.
    const double end = distribution.kind == Kind::integer ? 9e15 : 1e300;
    const auto low = read_number(node.items[0], what, -end, end, problems_);
    const auto high = read_number(node.items[1], what, -end, end, problems_);
    if (!low || !high) return;
    if (distribution.kind == Kind::loguniform && *low <= 0)
      problems_.add(node.items[0], what + " should be above 0, found " + shortest(*low));
    if (*low > *high) problems_.add(node, what + ": low is above high");
    if (distribution.kind == Kind::integer &&
        (*low != std::floor(*low) || *high != std::floor(*high)))
      problems_.add(node, what + " should have whole numbers as its ends");
    distribution.low = *low;
    distribution.high = *high;
  }

  Distribution choice(const YamlNode& node, const std::string& what) const {
    Distribution distribution;
    distribution.kind = Kind::choice;
    if (node.kind != YamlNode::Kind::list || node.items.empty())
      problems_.add(node, what + " should be a list with at least one value");
    for (const YamlNode& item : node.items) distribution.options.push_back(read(item, what, false));
    if (distribution.options.empty()) distribution.options.emplace_back();
    return distribution;
  }

  // [{p: 0.5, value: 0}, {p: 0.5, uniform: [0, 0.25]}]
  Distribution mixture(const YamlNode& node, const std::string& what) const {
    Distribution mixture;
    if (node.kind != YamlNode::Kind::list || node.items.empty()) {
      problems_.add(node, what + " should be a list of {p: probability, value: ...}");
      return mixture;
    }
    mixture.kind = Kind::mixture;
    double sum = 0;
    std::vector<std::string> known = {"p"};
    known.insert(known.end(), kForms.begin(), kForms.end());
    for (const YamlNode& item : node.items) {
      if (!check_keys(item, what, known, problems_)) continue;
      const YamlNode* p = item.find("p");
      if (!p || item.members.size() != 2) {
        problems_.add(item, what + ": each entry needs p and one of " + join(kForms, ", "));
        continue;
      }
      const double weight = read_number(*p, what + ".p", 0, 1, problems_).value_or(0);
      sum += weight;
      mixture.weights.push_back(weight);
      YamlNode rest = item;
      std::erase_if(rest.members, [](const auto& member) { return member.first.text == "p"; });
      mixture.options.push_back(read(rest, what, false));
    }
    if (std::abs(sum - 1) > 1e-3)
      problems_.add(node, what + ": the probabilities add up to " + shortest(sum) + ", not to 1");
    // Weights that were written back add up to 1 within rounding: they stay as they are.
    if (std::abs(sum - 1) > 1e-15 * static_cast<double>(mixture.weights.size()))
      for (double& weight : mixture.weights) weight /= sum;
    if (mixture.options.empty()) return {};
    return mixture;
  }

  Distribution spaced(const YamlNode& node, const std::string& what) const {
    Distribution distribution;
    distribution.kind = Kind::choice;
    for (const double value : read_spaced(node, what, problems_).value_or(std::vector<double>{0})) {
      Distribution constant;
      constant.value = value;
      distribution.options.push_back(constant);
    }
    return distribution;
  }

  Distribution map(const YamlNode& node, const std::string& what) const {
    Distribution distribution;
    distribution.kind = Kind::map;
    for (const auto& [key, value] : node.members) {
      distribution.names.push_back(key.text);
      // What a member draws is a number or a list, never a map again.
      distribution.options.push_back(
          DistributionReader(lists_, false, problems_).read(value, what + "." + key.text, false));
    }
    return distribution;
  }

  bool lists_, maps_;
  Problems& problems_;
};

// Every value that the distribution can draw at its ends must be one the setting takes.
void check_ends(const YamlNode& where, const std::string& key, const Distribution& distribution,
                Problems& problems) {
  std::vector<std::string> said;
  for (const Json& value : distribution.extremes()) try {
      TrainSettings scratch;
      scratch.set(key, value);
    } catch (const UsageError& error) {
      if (!said.empty() && said.back() == error.what()) continue;
      said.push_back(error.what());
      problems.add(where, "search.space: " + said.back());
    }
}

}  // namespace

Json drawn_schema() {
  const Keys forms = {
      other_key("uniform", schema_pair, "a real in [low, high)"),
      other_key("loguniform", schema_pair, "10^U(log10 low, log10 high)"),
      other_key(
          "pow10", [] { return Json::object(); }, "10 to the power of what this draws"),
      other_key("int", schema_pair, "a whole number, both ends included"),
      other_key(
          "choice", [] { return schema_list_of(Json::object()); }, "one of these"),
      other_key(
          "mixture",
          [] {
            return schema_list_of(Json::object({{"type", "object"}}));
          },
          "{p: probability, value: ...}, ..."),
      other_key(
          "value", [] { return Json::object(); }, "always this"),
      other_key(
          "logspace",
          [] {
            return schema_list_of(Json::object({{"type", "number"}}));
          },
          "[low exponent, high exponent, count]"),
      other_key(
          "linspace",
          [] {
            return schema_list_of(Json::object({{"type", "number"}}));
          },
          "[low, high, count]"),
  };
  Json drawn = schema_of(forms);
  drawn.set("maxProperties", 1);
  return drawn;
}

Json space_schema() {
  Json properties = Json::object();
  const Json settings = settings_properties();
  for (const auto& [name, setting] : settings.members()) {
    std::vector<Json> choices = {setting, schema_list_of(Json::object()),
                                 schema_reference("drawn")};
    if (takes_map(name)) choices.push_back(schema_map_of(Json::object()));
    properties.set(name, schema_any_of(choices));
  }
  return Json::object(
      {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}});
}

void read_space(const YamlNode& node, SearchSpace& space, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, "search.space should be a map from settings to what they draw");
    return;
  }
  for (const auto& [key, value] : node.members) {
    const std::string what = "search.space." + printable(key.text);
    const DistributionReader reader(space.method == SearchSpace::Method::grid, takes_map(key.text),
                                    problems);
    const std::size_t before = problems.count();
    const Distribution distribution = reader.read(value, what);
    if (problems.count() == before) check_ends(value, key.text, distribution, problems);
    space.settings.emplace_back(key.text, distribution);
  }
}

}  // namespace stockpot
