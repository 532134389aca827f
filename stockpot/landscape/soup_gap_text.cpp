// Soups against ensembles for people and as JSON.
#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/landscape/soup_gap.h"
#include "stockpot/landscape/words.h"

namespace stockpot::landscape {
namespace {

constexpr std::size_t kPairsShown = 30;

std::string signed_text(double value) {
  if (!std::isfinite(value)) return "-";
  return (value < 0 ? "" : "+") + fixed(value, 4);
}

std::string verdict_of(const SoupGap& gap) {
  if (!gap.clear()) return "too close";
  return gap.right() ? "yes" : "no";
}

std::string pair_table(const GapStudy& study, std::size_t set, std::size_t width) {
  TextTable table({{"pair", false, true},
                   {"predicted", true},
                   {"curvature", true},
                   {"variance", true},
                   {"measured", true},
                   {"+-", true},
                   {"soup acc", true},
                   {"ens. acc", true},
                   {"advice"},
                   {"right"}});
  for (std::size_t place = 0; place < std::min(kPairsShown, study.pairs.size()); ++place) {
    const PairGap& pair = study.pairs[place];
    const SoupGap& gap = pair.sets[set];
    table.add({study.names[pair.i] + " + " + study.names[pair.j], signed_text(gap.predicted()),
               signed_text(gap.curvature), signed_text(gap.variance), signed_text(gap.measured()),
               fixed(gap.standard_error, 4), percent_text(gap.soup.value()),
               percent_text(gap.ensemble.value()), gap.advises_soup() ? "soup" : "ensemble",
               verdict_of(gap)});
  }
  std::string text = table.text(width);
  if (study.pairs.size() > kPairsShown)
    text +=
        "  " + std::to_string(study.pairs.size() - kPairsShown) + " pairs more; --json has all\n";
  return text;
}

std::string identity_text(const GapStudy& study) {
  double worst = 0, size = 0;
  std::size_t count = 0;
  for (const PairGap& pair : study.pairs)
    if (pair.identity) {
      worst = std::max(worst, pair.identity->residual);
      size = std::max(size, pair.identity->difference);
      ++count;
    }
  if (count == 0) return "";
  return "The identity over " + std::to_string(count) +
         " pairs: logits of soup and ensemble differ by up to " + significant(size, 3) +
         " (root mean square), by the integral of the curvature to within " +
         significant(worst, 2) + ".\n";
}

std::string agreement_text(const GapStudy& study, std::size_t set) {
  const GapAgreement sums = study.agreement(set);
  return printable(study.sets[set]) + ": the advice was right for " + std::to_string(sums.right) +
         " of " + std::to_string(sums.pairs) + " pairs, and for " +
         std::to_string(sums.right_clear) + " of the " + std::to_string(sums.clear) +
         " whose difference is more than two standard errors; the soup has the lower loss in " +
         std::to_string(sums.soup_better) + "; rank correlation of predicted and measured " +
         number_text(sums.rank) + ".\n";
}

Json counts_json(const Accuracy& accuracy) {
  return Json::object({{"correct", accuracy.correct}, {"total", accuracy.total}});
}

Accuracy counts_from(const Json& json) {
  return {json.find("correct")->as_integer(), json.find("total")->as_integer()};
}

Json gap_json(const SoupGap& gap) {
  return Json::object({{"predicted", gap.predicted()},
                       {"curvature", gap.curvature},
                       {"variance", gap.variance},
                       {"measured", gap.measured()},
                       {"standard_error", gap.standard_error},
                       {"soup_loss", gap.soup_loss},
                       {"ensemble_loss", gap.ensemble_loss},
                       {"first", counts_json(gap.first)},
                       {"second", counts_json(gap.second)},
                       {"soup", counts_json(gap.soup)},
                       {"ensemble", counts_json(gap.ensemble)},
                       {"advice", gap.advises_soup() ? "soup" : "ensemble"},
                       {"right", gap.right()},
                       {"clear", gap.clear()}});
}

const Json& member(const Json& json, const char* name) {
  const Json* found = json.find(name);
  if (found == nullptr) throw FormatError(std::string("a pair without \"") + name + "\"");
  return *found;
}

// NaN is written as null.
double number_in(const Json& json, const char* name) {
  const Json& value = member(json, name);
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.as_number();
}

SoupGap gap_from(const Json& json) {
  SoupGap gap;
  gap.soup_loss = number_in(json, "soup_loss");
  gap.ensemble_loss = number_in(json, "ensemble_loss");
  gap.curvature = number_in(json, "curvature");
  gap.variance = number_in(json, "variance");
  gap.standard_error = number_in(json, "standard_error");
  gap.first = counts_from(member(json, "first"));
  gap.second = counts_from(member(json, "second"));
  gap.soup = counts_from(member(json, "soup"));
  gap.ensemble = counts_from(member(json, "ensemble"));
  return gap;
}

}  // namespace

Json to_json(const PairGap& pair) {
  Json sets = Json::array(), identity;
  for (const SoupGap& gap : pair.sets) sets.push(gap_json(gap));
  if (pair.identity)
    identity = Json::object({{"difference", pair.identity->difference},
                             {"integral", pair.identity->integral},
                             {"residual", pair.identity->residual}});
  return Json::object({{"i", static_cast<std::int64_t>(pair.i)},
                       {"j", static_cast<std::int64_t>(pair.j)},
                       {"beta", pair.beta},
                       {"sets", sets},
                       {"identity", identity}});
}

PairGap pair_from_json(const Json& json) {
  PairGap pair;
  pair.i = member(json, "i").as_unsigned();
  pair.j = member(json, "j").as_unsigned();
  pair.beta = number_in(json, "beta");
  for (const Json& set : member(json, "sets").items()) pair.sets.push_back(gap_from(set));
  if (const Json& identity = member(json, "identity"); !identity.is_null())
    pair.identity = IdentityCheck{number_in(identity, "difference"),
                                  number_in(identity, "integral"), number_in(identity, "residual")};
  return pair;
}

std::string gap_text(const GapStudy& study, std::size_t width) {
  std::string text = "Soup against ensemble of two models, " + std::to_string(study.pairs.size()) +
                     " of " + std::to_string(study.all_pairs) + " pairs, weight " +
                     shortest(study.alpha) +
                     "; differences are losses of the soup minus losses of the ensemble. A soup "
                     "costs one forward pass a picture, the ensemble two\n";
  for (std::size_t set = 0; set < study.sets.size(); ++set)
    text += "\n" + printable(study.sets[set]) + "\n\n" + pair_table(study, set, width);
  text += "\n";
  for (std::size_t set = 0; set < study.sets.size(); ++set) text += agreement_text(study, set);
  text += identity_text(study);
  for (const std::string& note : study.notes) text += "note: " + note + "\n";
  return text;
}

Json to_json(const GapStudy& study) {
  Json models = Json::array(), sets = Json::array(), pairs = Json::array(), notes = Json::array();
  for (std::size_t i = 0; i < study.names.size(); ++i)
    models.push(Json::object({{"name", study.names[i]}, {"path", study.paths[i]}}));
  for (std::size_t set = 0; set < study.sets.size(); ++set) {
    const GapAgreement sums = study.agreement(set);
    sets.push(Json::object({{"set", study.sets[set]},
                            {"pairs", sums.pairs},
                            {"right", sums.right},
                            {"clear", sums.clear},
                            {"right_clear", sums.right_clear},
                            {"soup_better", sums.soup_better},
                            {"rank_correlation", sums.rank},
                            {"correlation", sums.pearson}}));
  }
  for (const PairGap& pair : study.pairs) pairs.push(to_json(pair));
  for (const std::string& note : study.notes) notes.push(note);
  return Json::object({{"schema_version", 1},
                       {"alpha", study.alpha},
                       {"step", study.step},
                       {"models", models},
                       {"sets", sets},
                       {"all_pairs", static_cast<std::int64_t>(study.all_pairs)},
                       {"pairs", pairs},
                       {"notes", notes}});
}

}  // namespace stockpot::landscape
