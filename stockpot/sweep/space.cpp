#include "stockpot/sweep/space.h"

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

using Kind = Distribution::Kind;

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

void check_count(std::int64_t count) {
  if (count > kMostTrials)
    throw UsageError("has more than " + grouped(kMostTrials) + " combinations");
}

// A step of an odometer whose last wheel runs fastest: number `index` of all combinations.
std::vector<std::size_t> digits(std::size_t index, const std::vector<std::size_t>& sizes) {
  std::vector<std::size_t> digit(sizes.size());
  for (std::size_t i = sizes.size(); i-- > 0; index /= sizes[i]) digit[i] = index % sizes[i];
  return digit;
}

// Every {names[0]: a value of lists[0], ...}.
std::vector<Json> combinations(const std::vector<std::string>& names,
                               const std::vector<std::vector<Json>>& lists) {
  std::int64_t count = 1;
  std::vector<std::size_t> sizes;
  for (const auto& list : lists) {
    sizes.push_back(list.size());
    check_count(count *= static_cast<std::int64_t>(list.size()));
  }
  std::vector<Json> maps;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::vector<std::size_t> digit = digits(i, sizes);
    Json map = Json::object();
    for (std::size_t m = 0; m < names.size(); ++m) map.set(names[m], lists[m][digit[m]]);
    maps.push_back(map);
  }
  return maps;
}

double power_of_ten(const Json& exponent) { return std::pow(10.0, exponent.as_number()); }

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
    case Kind::power_of_ten:
      return power_of_ten(options.front().draw(random));
    case Kind::map: {
      Json map = Json::object();
      for (std::size_t i = 0; i < options.size(); ++i) map.set(names[i], options[i].draw(random));
      return map;
    }
  }
  return {};
}

std::vector<Json> Distribution::values() const {
  std::vector<Json> all;
  switch (kind) {
    case Kind::constant:
      return {value};
    case Kind::integer:
      check_count(static_cast<std::int64_t>(std::min(high - low, 1e15)) + 1);
      for (auto i = static_cast<std::int64_t>(low); i <= static_cast<std::int64_t>(high); ++i)
        all.emplace_back(i);
      return all;
    case Kind::choice:
      for (const Distribution& option : options)
        for (Json& item : option.values()) all.push_back(std::move(item));
      return all;
    case Kind::power_of_ten:
      for (const Json& exponent : options.front().values())
        all.emplace_back(power_of_ten(exponent));
      return all;
    case Kind::map: {
      std::vector<std::vector<Json>> lists;
      for (const Distribution& option : options) lists.push_back(option.values());
      return combinations(names, lists);
    }
    case Kind::uniform:
    case Kind::loguniform:
    case Kind::mixture:
      break;
  }
  throw UsageError("lists no values: a grid needs a list, choice, int, logspace or linspace, " +
                   describe() + " is for random search");
}

std::vector<Json> Distribution::extremes() const {
  std::vector<Json> ends;
  switch (kind) {
    case Kind::constant:
      return {value};
    case Kind::uniform:
    case Kind::loguniform:
      return {low, high};
    case Kind::integer:
      return {static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)};
    case Kind::choice:
    case Kind::mixture:
      for (const Distribution& option : options)
        for (Json& end : option.extremes()) ends.push_back(std::move(end));
      return ends;
    case Kind::power_of_ten:
      for (const Json& exponent : options.front().extremes())
        if (exponent.is_number()) ends.emplace_back(power_of_ten(exponent));
      return ends;
    case Kind::map: {
      // One member at its ends, the others at their first value.
      Json first = Json::object();
      for (std::size_t i = 0; i < options.size(); ++i) {
        const std::vector<Json> own = options[i].extremes();
        first.set(names[i], own.empty() ? Json() : own.front());
      }
      ends.push_back(first);
      for (std::size_t i = 0; i < options.size(); ++i)
        for (const Json& end : options[i].extremes()) {
          Json map = first;
          map.set(names[i], end);
          ends.push_back(map);
        }
      return ends;
    }
  }
  return ends;
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
    case Kind::power_of_ten:
      return "10^(" + options.front().describe() + ")";
    case Kind::choice:
    case Kind::mixture:
    case Kind::map: {
      std::vector<std::string> parts;
      for (std::size_t i = 0; i < options.size(); ++i)
        parts.push_back((kind == Kind::mixture ? shortest(weights[i]) + ": "
                         : kind == Kind::map   ? names[i] + ": "
                                               : "") +
                        options[i].describe());
      return (kind == Kind::map ? "{" : "one of {") + join(parts, ", ") + "}";
    }
  }
  return {};
}

Json Distribution::to_json() const {
  const auto range = [&](const char* name) {
    return Json::object({{name, Json::Array{Json(low), Json(high)}}});
  };
  Json list = Json::array();
  switch (kind) {
    case Kind::constant:
      // A bare list would be a grid's list of values.
      return value.is_array() ? Json::object({{"value", value}}) : value;
    case Kind::uniform:
      return range("uniform");
    case Kind::loguniform:
      return range("loguniform");
    case Kind::integer:
      return Json::object({{"int", Json::Array{Json(static_cast<std::int64_t>(low)),
                                               Json(static_cast<std::int64_t>(high))}}});
    case Kind::choice:
      for (const Distribution& option : options) list.push(option.to_json());
      return Json::object({{"choice", list}});
    case Kind::mixture:
      for (std::size_t i = 0; i < options.size(); ++i)
        list.push(Json::object({{"p", weights[i]}, {"value", options[i].to_json()}}));
      return Json::object({{"mixture", list}});
    case Kind::power_of_ten:
      return Json::object({{"pow10", options.front().to_json()}});
    case Kind::map: {
      Json map = Json::object();
      for (std::size_t i = 0; i < options.size(); ++i) map.set(names[i], options[i].to_json());
      return map;
    }
  }
  return {};
}

std::optional<std::int64_t> SearchSpace::size() const {
  if (method == Method::random) return std::nullopt;
  if (method == Method::list) return static_cast<std::int64_t>(list.size());
  std::int64_t count = 1;
  for (const auto& [name, distribution] : settings) {
    try {
      check_count(count *= static_cast<std::int64_t>(distribution.values().size()));
    } catch (const UsageError& error) {
      throw UsageError(name + " " + error.what());
    }
  }
  return count;
}

TrialSettings SearchSpace::sample(std::uint64_t seed, std::uint64_t trial) const {
  if (method == Method::list) return list.at(trial);
  TrialSettings drawn;
  if (method == Method::grid) {
    std::vector<std::vector<Json>> lists;
    std::vector<std::size_t> sizes;
    for (const auto& [name, distribution] : settings) {
      lists.push_back(distribution.values());
      sizes.push_back(lists.back().size());
    }
    const std::vector<std::size_t> digit = digits(trial, sizes);
    for (std::size_t i = 0; i < settings.size(); ++i)
      drawn.emplace_back(settings[i].first, lists[i][digit[i]]);
    return drawn;
  }
  for (const auto& [name, distribution] : settings) {
    RandomStream random(seed ^ name_hash(name), Purpose::search, 0, trial);
    drawn.emplace_back(name, distribution.draw(random));
  }
  return drawn;
}

}  // namespace stockpot
