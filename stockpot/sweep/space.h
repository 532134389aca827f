// Search spaces: which settings the trials of a search try. Trial i is a function of (space,
// seed, i), so a plan is the same on every machine and can be extended later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/random.h"

namespace stockpot {

// How one setting is drawn.
struct Distribution {
  enum class Kind {
    constant,      // value
    uniform,       // real in [low, high)
    loguniform,    // 10^U(log10 low, log10 high)
    integer,       // whole number in [low, high], both included
    choice,        // one of `options`, equally likely
    mixture,       // one of `options` with `weights`; each may itself be a distribution
    power_of_ten,  // 10^x, x drawn from options[0]; 10^-U(a, b) of the papers is x in [-b, -a)
    map,           // {names[0]: drawn from options[0], ...}: several numbers of one setting
  };
  Kind kind = Kind::constant;
  Json value;
  double low = 0, high = 0;
  std::vector<Distribution> options;
  std::vector<double> weights;     // mixture: sum to 1
  std::vector<std::string> names;  // map: of `options`

  Json draw(RandomStream& random) const;
  // Every value, in the order of a grid: lists as written, maps with their last member running
  // fastest. Throws UsageError where there is no list of them, as for a range of reals, or
  // where they are more than kMostTrials.
  std::vector<Json> values() const;
  // Values at the ends of what can be drawn, to check before anything starts.
  std::vector<Json> extremes() const;
  // "loguniform 1e-05..1e-03", for plans.
  std::string describe() const;
  // As a recipe writes it: {"loguniform": [1e-05, 0.001]}.
  Json to_json() const;
};

// The settings of one trial, by name.
using TrialSettings = std::vector<std::pair<std::string, Json>>;

// More trials than this are not one search.
inline constexpr std::int64_t kMostTrials = 100'000;

struct SearchSpace {
  enum class Method {
    random,  // every trial draws anew
    grid,    // every combination of the settings' values; the last setting runs fastest
    list,    // the trials of `list`
  };
  std::vector<std::pair<std::string, Distribution>> settings;  // by setting name
  Method method = Method::random;
  std::vector<TrialSettings> list = {};

  // How many trials there are; nothing for a random search, which has no end. Throws
  // UsageError where a grid has a setting without a list of values or more than kMostTrials.
  std::optional<std::int64_t> size() const;

  // The settings of one trial; `trial` lies below size(). In a random search each setting has
  // a stream of its own, named by its name: adding a setting does not change what the others
  // draw.
  TrialSettings sample(std::uint64_t seed, std::uint64_t trial) const;
};

}  // namespace stockpot
