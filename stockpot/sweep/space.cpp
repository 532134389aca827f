#include "stockpot/sweep/space.h"

#include <cmath>

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

// FNV-1a: names a setting's stream. Any fixed hash will do; this one fits in four lines.
std::uint64_t name_hash(std::string_view name) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

std::string show(const Json& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_number()) return shortest(value.as_number());
  return value.dump();
}

}  // namespace

Json Distribution::draw(RandomStream& random) const {
  switch (kind) {
    case Kind::constant:
      return value;
    case Kind::uniform:
      return random.uniform(low, high);
    case Kind::loguniform:
      return std::pow(10.0, random.uniform(std::log10(low), std::log10(high)));
    case Kind::integer:
      return random.between(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
    case Kind::choice:
      return options[random.below(options.size())].draw(random);
    case Kind::mixture: {
      double mark = random.uniform();
      std::size_t i = 0;
      while (i + 1 < options.size() && mark >= weights[i]) mark -= weights[i++];
      return options[i].draw(random);
    }
  }
  return {};
}

std::string Distribution::describe() const {
  const auto range = [&] { return shortest(low) + ".." + shortest(high); };
  switch (kind) {
    case Kind::constant:
      return show(value);
    case Kind::uniform:
      return "uniform " + range();
    case Kind::loguniform:
      return "loguniform " + range();
    case Kind::integer:
      return "integer " + range();
    case Kind::choice:
    case Kind::mixture: {
      std::vector<std::string> parts;
      for (std::size_t i = 0; i < options.size(); ++i)
        parts.push_back((kind == Kind::mixture ? shortest(weights[i]) + ": " : "") +
                        options[i].describe());
      return "one of {" + join(parts, ", ") + "}";
    }
  }
  return {};
}

std::vector<std::pair<std::string, Json>> SearchSpace::sample(std::uint64_t seed,
                                                              std::uint64_t trial) const {
  std::vector<std::pair<std::string, Json>> drawn;
  for (const auto& [name, distribution] : settings) {
    RandomStream random(seed ^ name_hash(name), Purpose::search, 0, trial);
    drawn.emplace_back(name, distribution.draw(random));
  }
  return drawn;
}

}  // namespace stockpot
