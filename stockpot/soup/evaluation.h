// What an evaluator says about a soup, and when one soup is kept in favour of another.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/metric.h"
#include "stockpot/metrics/right_rows.h"

namespace stockpot {

// Where a candidate lies, seen from the soup; streamed while they are mixed. Over all
// floating-point tensors.
struct Geometry {
  double distance = 0;  // || candidate - soup ||
  double relative = 0;  // the same over || soup - base ||, or over || soup || without a base
  double cosine = 0;    // between them, as seen from the base, or from zero
  bool from_base = false;
  double angle() const;  // degrees
};

struct Evaluation {
  Evaluation() = default;  // has failed
  // Exact: counts are compared as integers.
  Evaluation(const Accuracy& accuracy);
  explicit Evaluation(double score) : value(score) {}

  double value = std::numeric_limits<double>::quiet_NaN();  // of the metric that decides
  std::optional<Accuracy> counts;                           // when `value` is the accuracy of these
  // The evaluator looked at some examples only: the value is no better than `value` (and `counts`
  // counts those that were not looked at as right), which was enough to reject the soup.
  bool stopped = false;
  std::int64_t examples = 0, total = 0;  // looked at, of; 0: not told
  RightRows right;                       // complete evaluations; may be empty
  double deviation = 0;                  // over repetitions; 0: one
  Json metrics;                          // everything that the evaluator said; may be null
  std::optional<Geometry> geometry;
  std::string hash;     // of the soup's weights; may be empty
  std::string failure;  // why there is no value
  double seconds = 0;

  bool failed() const;
};

// What predictions of the whole set say.
Evaluation evaluation_of(MetricKind metric, const Predictions& predictions);

enum class Accept : std::uint8_t {
  ties,    // >=, the paper's rule and the default
  strict,  // >, the reference program's rule
};

struct AcceptRule {
  Accept accept = Accept::ties;
  Direction direction = Direction::maximize;

  // Whether the soup that scored `after` replaces the one that scored `before`. Never when `after`
  // failed or was stopped.
  bool accepts(const Evaluation& before, const Evaluation& after) const;
  bool better(double a, double b) const { return direction == Direction::maximize ? a > b : a < b; }
  // Of two that did not fail: by their counts where both have them, since a program may have
  // rounded the values.
  bool better(const Evaluation& a, const Evaluation& b) const;
  bool counted(const Evaluation& a, const Evaluation& b) const;
};

// When a candidate has no chance any more.
struct StopRule {
  AcceptRule rule;
  double before = 0;  // the value of the soup that it has to reach or to beat

  // `possible`: a bound that the value will not be better than. NaN has no chance.
  bool rejects(double possible) const;
};

}  // namespace stockpot
