// Search spaces: what a random search may draw. Trial i is a function of (space, seed, i),
// so a plan is the same on every machine and can be extended later.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/random.h"

namespace stockpot {

// How one setting is drawn.
struct Distribution {
  enum class Kind {
    constant,    // value
    uniform,     // real in [low, high)
    loguniform,  // 10^U(log10 low, log10 high)
    integer,     // whole number in [low, high], both included
    choice,      // one of `options`, equally likely
    mixture,     // one of `options` with `weights`; each may itself be a distribution
  };
  Kind kind = Kind::constant;
  Json value;
  double low = 0, high = 0;
  std::vector<Distribution> options;
  std::vector<double> weights;  // mixture: sum to 1

  Json draw(RandomStream& random) const;
  // "loguniform 1e-05..1e-03", for plans.
  std::string describe() const;
};

struct SearchSpace {
  std::vector<std::pair<std::string, Distribution>> settings;  // by setting name

  // The settings of one trial. Each setting has a stream of its own, named by its name:
  // adding a setting does not change what the others draw.
  std::vector<std::pair<std::string, Json>> sample(std::uint64_t seed, std::uint64_t trial) const;
};

}  // namespace stockpot
