// The space of a random search: which settings are drawn, and how.
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

using Kind = Distribution::Kind;

Distribution read_distribution(const YamlNode& node, const std::string& what, Problems& problems);

void read_range(const YamlNode& node, const std::string& what, Distribution& distribution,
                Problems& problems) {
  if (node.kind != YamlNode::Kind::list || node.items.size() != 2) {
    problems.add(node, what + " should be a list [low, high]");
    return;
  }
  const auto low = read_number(node.items[0], what, -1e300, 1e300, problems);
  const auto high = read_number(node.items[1], what, -1e300, 1e300, problems);
  if (!low || !high) return;
  if (distribution.kind == Kind::loguniform && *low <= 0)
    problems.add(node.items[0], what + " should be above 0, found " + shortest(*low));
  if (*low > *high) problems.add(node, what + ": low is above high");
  if (distribution.kind == Kind::integer &&
      (*low != std::floor(*low) || *high != std::floor(*high)))
    problems.add(node, what + " should have whole numbers as its ends");
  distribution.low = *low;
  distribution.high = *high;
}

// [{p: 0.5, value: 0}, {p: 0.5, uniform: [0, 0.25]}]
void read_mixture(const YamlNode& node, const std::string& what, Distribution& mixture,
                  Problems& problems) {
  if (node.kind != YamlNode::Kind::list || node.items.empty()) {
    problems.add(node, what + " should be a list of {p: probability, value: ...}");
    return;
  }
  double sum = 0;
  for (const YamlNode& item : node.items) {
    if (!check_keys(item, what, {"p", "value", "uniform", "loguniform", "int", "choice"}, problems))
      continue;
    const YamlNode* p = item.find("p");
    if (!p || item.members.size() != 2) {
      problems.add(item, what +
                             ": each entry needs p and one of value, uniform, loguniform, "
                             "int, choice");
      continue;
    }
    const double weight = read_number(*p, what + ".p", 0, 1, problems).value_or(0);
    sum += weight;
    mixture.weights.push_back(weight);
    YamlNode rest = item;
    std::erase_if(rest.members, [](const auto& member) { return member.first.text == "p"; });
    const YamlNode* value = rest.find("value");
    mixture.options.push_back(read_distribution(value ? *value : rest, what, problems));
  }
  if (std::abs(sum - 1) > 1e-3)
    problems.add(node, what + ": the probabilities add up to " + shortest(sum) + ", not to 1");
  for (double& weight : mixture.weights) weight /= sum;
}

Distribution read_distribution(const YamlNode& node, const std::string& what, Problems& problems) {
  Distribution distribution;
  if (node.kind == YamlNode::Kind::list) {
    problems.add(node, what + ": write {choice: [...]} to draw from a list");
    return distribution;
  }
  if (node.kind != YamlNode::Kind::map) {
    distribution.value = scalar_value(node);
    return distribution;
  }
  if (!check_keys(node, what, {"uniform", "loguniform", "int", "choice", "mixture"}, problems))
    return distribution;
  if (node.members.size() != 1) {
    problems.add(node, what + " needs exactly one of uniform, loguniform, int, choice, mixture");
    return distribution;
  }
  const auto& [key, value] = node.members.front();
  const std::string inner = what + "." + key.text;
  if (key.text == "mixture") {
    distribution.kind = Kind::mixture;
    read_mixture(value, inner, distribution, problems);
  } else if (key.text == "choice") {
    distribution.kind = Kind::choice;
    if (value.kind != YamlNode::Kind::list || value.items.empty())
      problems.add(value, inner + " should be a list with at least one value");
    for (const YamlNode& item : value.items)
      distribution.options.push_back(read_distribution(item, inner, problems));
  } else {
    distribution.kind = key.text == "int"       ? Kind::integer
                        : key.text == "uniform" ? Kind::uniform
                                                : Kind::loguniform;
    read_range(value, inner, distribution, problems);
  }
  return distribution;
}

// Every value that the distribution can draw at its ends must be one the setting takes.
void check_ends(const YamlNode& where, const std::string& key, const Distribution& distribution,
                Problems& problems) {
  const auto check = [&](const Json& value) {
    try {
      TrainSettings scratch;
      scratch.set(key, value);
    } catch (const UsageError& error) {
      problems.add(where, "search.space: " + std::string(error.what()));
      return false;
    }
    return true;
  };
  switch (distribution.kind) {
    case Kind::constant:
      check(distribution.value);
      break;
    case Kind::integer:
      if (check(static_cast<std::int64_t>(distribution.low)))
        check(static_cast<std::int64_t>(distribution.high));
      break;
    case Kind::uniform:
    case Kind::loguniform:
      if (check(distribution.low)) check(distribution.high);
      break;
    case Kind::choice:
    case Kind::mixture:
      for (const Distribution& option : distribution.options)
        check_ends(where, key, option, problems);
      break;
  }
}

}  // namespace

SearchSpace read_space(const YamlNode& node, Problems& problems) {
  SearchSpace space;
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, "search.space should be a map from settings to what they draw");
    return space;
  }
  for (const auto& [key, value] : node.members) {
    const Distribution distribution =
        read_distribution(value, "search.space." + printable(key.text), problems);
    check_ends(value, key.text, distribution, problems);
    space.settings.emplace_back(key.text, distribution);
  }
  return space;
}

}  // namespace stockpot
