#include "stockpot/sweep/result.h"

#include "stockpot/base/text.h"

namespace stockpot {

std::optional<double> held_out_of(const Json& result) {
  const Json* held_out = result.find("held_out");
  if (!held_out) return std::nullopt;
  if (held_out->is_number()) return held_out->as_number();
  const Json* correct = held_out->find("correct");
  const Json* total = held_out->find("total");
  if (!correct || !total || !correct->is_number() || !total->is_number()) return std::nullopt;
  if (total->as_number() <= 0) return std::nullopt;
  return correct->as_number() / total->as_number();
}

double seconds_of(const Json& result) {
  const Json* seconds = result.find("seconds");
  return seconds && seconds->is_number() && seconds->as_number() > 0 ? seconds->as_number() : 0;
}

std::string percent_text(double share) { return fixed(100 * share, 2) + " %"; }

}  // namespace stockpot
