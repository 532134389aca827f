#include "stockpot/soup/verdict.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/metrics/picture_mean.h"

namespace stockpot {
namespace {

constexpr double kNoise = 0.05;  // of a paired test

std::string number(std::size_t count) { return grouped(static_cast<std::int64_t>(count)); }

std::string percent(double part, int decimals = 2) { return fixed(100 * part, decimals) + " %"; }

std::string names_of(const SearchResult& result, const std::vector<std::size_t>& candidates) {
  std::vector<std::string> names;
  for (const std::size_t i : candidates) names.push_back(printable(result.candidates[i].name));
  return join(names, ", ");
}

// One standard error of a count of right answers.
double standard_error(const Accuracy& accuracy) {
  const double p = accuracy.value();
  return std::sqrt(static_cast<double>(accuracy.total) * p * (1 - p));
}

// By how much `after` is better; in examples when both are counted.
double gain_of(const LedgerEntry& entry, const AcceptRule& rule) {
  const Evaluation &before = entry.before, &after = entry.after;
  if (before.counts && after.counts)
    return static_cast<double>(after.counts->correct - before.counts->correct);
  return rule.direction == Direction::maximize ? after.value - before.value
                                               : before.value - after.value;
}

std::size_t best_alone(const SearchResult& result, const AcceptRule& rule) {
  return order_by_score(result.candidates, rule).front();
}

// Over pictures where these have copies among the examples and it is known which are right.
Interval interval_of(const Evaluation& evaluation, const Pictures& pictures) {
  if (evaluation.right.rows() == std::ssize(pictures.of_rows)) {
    PictureMean mean;
    mean.add(evaluation.right, pictures);
    if (const auto interval = mean.interval()) return *interval;
  }
  return wilson_interval(*evaluation.counts);
}

std::string headline(const SearchResult& result, const AcceptRule& rule) {
  const Walk& soup = result.soup();
  const Candidate& best = result.candidates[best_alone(result, rule)];
  std::string text = number(soup.ingredients.size()) + " of " + number(result.candidates.size()) +
                     " models: " + score_text(soup.held_out) + " on held-out data";
  if (soup.held_out.counts) {
    const Interval range = interval_of(soup.held_out, result.pictures);
    text += " (95 %: " + fixed(100 * range.low, 2) + " to " + fixed(100 * range.high, 2) + ")";
  }
  text += "; the best single model, " + printable(best.name) + ", has " + score_text(best.alone);
  if (soup.held_out.counts && best.alone.counts) {
    const std::int64_t gain = soup.held_out.counts->correct - best.alone.counts->correct;
    text += ", the soup " + grouped(std::abs(gain)) + (gain < 0 ? " fewer" : " more") +
            " right of " + grouped(best.alone.counts->total);
  }
  if (result.walks.size() > 1)
    text += ". Best of " + number(result.walks.size()) + " walks: " + soup.name;
  return text + ".";
}

// Why nothing was added to the first candidate.
std::string why_only_one(const SearchResult& result, const AcceptRule& rule) {
  const LedgerEntry* nearest = nullptr;
  double least = 0, most = 0;
  bool counted = true;
  std::size_t losers = 0;
  for (const LedgerEntry& entry : result.soup().ledger) {
    if (entry.accepted || entry.removal || entry.after.failed()) continue;
    const double loss = -gain_of(entry, rule);
    counted = counted && entry.before.counts && entry.after.counts;
    if (nearest == nullptr || loss < least) {
      least = loss;
      nearest = &entry;
    }
    most = std::max(most, loss);
    ++losers;
  }
  if (nearest == nullptr) return "No other model could be added.";
  const auto amount = [&](double loss) {
    return counted ? grouped(std::llround(loss)) : significant(loss, 3);
  };
  const std::string unit = counted ? " examples" : "";
  std::string text = "Only one model was kept: ";
  if (least > 0)
    text += "with each of the other " + number(losers) + " the soup lost at least " +
            amount(least) + (most > least ? " to " + amount(most) : "") + unit;
  else
    text += "none of the other " + number(losers) + " made the soup better" +
            (most > 0 ? ", the worst lost it at least " + amount(most) + unit : "");
  return text + "; the nearest was " + printable(nearest->name) + ".";
}

// What distances say about a common origin.
std::string about_distances(const SearchResult& result) {
  std::vector<double> distances, angles;
  bool from_base = false;
  for (const LedgerEntry& entry : result.soup().ledger) {
    if (!entry.after.geometry) continue;
    from_base = entry.after.geometry->from_base;
    distances.push_back(entry.after.geometry->relative);
    angles.push_back(entry.after.geometry->angle());
  }
  if (distances.empty()) return "";
  std::ranges::sort(distances);
  std::ranges::sort(angles);
  const double distance = distances[distances.size() / 2], angle = angles[angles.size() / 2];
  // Task vectors of good ingredients may well be at right angles.
  if (from_base)
    return "Seen from the base, the candidates lie " + significant(distance, 2) +
           " of the soup's distance from it away from the soup, at " + fixed(angle, 0) +
           " degrees (medians).";
  std::string text = "The candidates lie " + significant(distance, 2) +
                     " of the soup's norm away from it, at " + fixed(angle, 0) +
                     " degrees (medians).";
  if (angle > 60 && distance > 0.7)
    text +=
        " That is as far as models without a shared initialisation lie: soups need models that "
        "were fine-tuned from one checkpoint with one head; `stockpot doctor` says more.";
  return text;
}

std::string about_noise(const SearchResult& result) {
  const Acceptances found = acceptances(result);
  if (found.total == 0) return "";
  const std::string of = " of " + std::to_string(found.total) + " acceptances ";
  if (found.tested > 0)
    return std::to_string(found.below_noise) + of + (found.below_noise == 1 ? "is" : "are") +
           " below noise (" + found.test + ", p > 0.05).";
  if (result.soup().held_out.counts)
    return std::to_string(found.below_noise) + of + (found.below_noise == 1 ? "lies" : "lie") +
           " below one standard error (" +
           fixed(standard_error(*result.soup().held_out.counts), 0) +
           " examples, unpaired); which examples are right is not known, so no significance is "
           "available.";
  return "No significance is available: the evaluator does not tell which examples are right.";
}

std::string about_optimism(const Optimism& optimism) {
  const std::string text = "Chosen on a random half of the examples, the best of the " +
                           number(optimism.soups) + " soups that were scored in full is ";
  const std::string splits = " (mean of " + std::to_string(optimism.splits) + " splits)";
  if (optimism.half < 5e-5)
    return text + "no worse on the other half" + splits +
           ": no optimism is to be seen in the held-out score.";
  return text + fixed(100 * optimism.half, 2) + " points worse on the other half" + splits +
         "; the held-out score above is about " + fixed(100 * optimism.whole, 2) +
         " points too good.";
}

std::string about_repetitions(const SearchResult& result) {
  double deviation = 0, smallest = 0;
  for (const Candidate& candidate : result.candidates)
    deviation = std::max(deviation, candidate.alone.deviation);
  bool any = false;
  for (const LedgerEntry& entry : result.soup().ledger) {
    deviation = std::max(deviation, entry.after.deviation);
    if (!entry.accepted || entry.before.failed()) continue;
    const double gain = std::abs(entry.after.value - entry.before.value);
    smallest = any ? std::min(smallest, gain) : gain;
    any = true;
  }
  if (deviation == 0) return "";
  std::string text =
      "Repeated evaluations differ by up to " + significant(deviation, 3) + " (standard deviation)";
  if (any && deviation > smallest)
    text += ", more than the smallest accepted gain, " + significant(smallest, 3) +
            ": more repetitions or more examples are needed to trust it";
  return text + ".";
}

std::string about_savings(const Scorebook& book) {
  const Scorebook::Counts& counts = book.counts();
  std::string text = grouped(counts.evaluated) + " models and soups were scored now, " +
                     grouped(counts.reused) + " were known";
  if (counts.of > 0 && counts.examples < counts.of)
    text += "; of " + grouped(counts.of) + " examples of soups " + grouped(counts.examples) +
            " were looked at, early rejection saved " +
            percent(1 - static_cast<double>(counts.examples) / static_cast<double>(counts.of), 0);
  text += ".";
  if (counts.failed > 0)
    text += " " + grouped(counts.failed) + " could not be scored and were left out.";
  return text;
}

// A random half of the rows, or of the pictures where rows are copies of some: what is not
// independent lies in one half.
RightRows random_half(std::int64_t rows, const std::vector<std::size_t>& pictures,
                      std::uint64_t seed, int split) {
  const std::int64_t units =
      pictures.empty() ? rows : 1 + static_cast<std::int64_t>(std::ranges::max(pictures));
  const std::vector<std::int64_t> order =
      random_order(units, seed, Purpose::split, static_cast<std::uint64_t>(split));
  RightRows chosen(units);
  for (std::int64_t i = 0; i < units / 2; ++i) chosen.set(order[static_cast<std::size_t>(i)]);
  if (pictures.empty()) return chosen;
  RightRows half(rows);
  for (std::int64_t row = 0; row < rows; ++row)
    if (chosen[static_cast<std::int64_t>(pictures[static_cast<std::size_t>(row)])]) half.set(row);
  return half;
}

}  // namespace

std::string score_text(const Evaluation& evaluation) {
  if (evaluation.failed()) return "no score";
  return evaluation.counts ? percent(evaluation.counts->value()) : significant(evaluation.value, 6);
}

std::vector<Duplicates> find_duplicates(const std::vector<Candidate>& candidates,
                                        const std::vector<std::string>& keys) {
  std::map<std::string, std::vector<std::size_t>> contents, answers;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    contents[keys[i]].push_back(i);
    const Evaluation& alone = candidates[i].alone;
    if (contents[keys[i]].size() > 1 || alone.failed()) continue;
    // Equal counts alone say little; equal answers everywhere say much.
    std::string answer;
    if (alone.right.rows() >= 100) answer = alone.right.hex();
    if (alone.metrics.is_object() && alone.metrics.members().size() >= 3)
      answer += alone.metrics.dump();
    if (!answer.empty()) answers[answer].push_back(i);
  }
  std::vector<Duplicates> found;
  for (const bool same : {true, false})
    for (const auto& [key, group] : same ? contents : answers)
      if (group.size() > 1) found.push_back({group, same});
  std::ranges::sort(found, {}, [](const Duplicates& d) { return d.candidates.front(); });
  return found;
}

std::optional<Optimism> split_half(const SearchResult& result, std::uint64_t seed, int splits) {
  std::vector<const RightRows*> soups;
  const auto take = [&](const Evaluation& evaluation) {
    if (evaluation.counts && evaluation.right.rows() >= 2 &&
        (soups.empty() || soups.front()->rows() == evaluation.right.rows()))
      soups.push_back(&evaluation.right);
  };
  for (const Candidate& candidate : result.candidates) take(candidate.alone);
  for (const Walk& walk : result.walks)
    for (const LedgerEntry& entry : walk.ledger)
      if (!entry.before.failed()) take(entry.after);
  if (soups.size() < 2) return std::nullopt;
  const std::int64_t rows = soups.front()->rows();
  const bool copies = result.pictures.copies && std::ssize(result.pictures.of_rows) == rows;
  const std::vector<std::size_t> pictures =
      copies ? result.pictures.numbers() : std::vector<std::size_t>();
  if (copies && std::ranges::max(pictures) == 0) return std::nullopt;  // one picture has no halves
  Optimism optimism{soups.size(), splits, 0, 0};
  for (int split = 0; split < splits; ++split) {
    const RightRows half = random_half(rows, pictures, seed, split);
    std::int64_t best = -1, rest = 0;
    for (const RightRows* right : soups) {
      const std::int64_t here = right->count_in(half);
      if (here <= best) continue;
      best = here;
      rest = right->count() - here;
    }
    const auto size = static_cast<double>(half.count());
    optimism.half += static_cast<double>(best) / size -
                     static_cast<double>(rest) / (static_cast<double>(rows) - size);
  }
  optimism.half /= splits;
  optimism.whole = optimism.half / std::numbers::sqrt2;
  return optimism;
}

Acceptances acceptances(const SearchResult& result) {
  Acceptances found;
  for (const LedgerEntry& entry : result.soup().ledger) {
    if (!entry.accepted || entry.before.failed()) continue;
    ++found.total;
    if (entry.test) {
      ++found.tested;
      found.test = name_of(*entry.test);
      found.below_noise += entry.test->p > kNoise ? 1 : 0;
    } else if (entry.before.counts && entry.after.counts) {
      const auto gain =
          static_cast<double>(entry.after.counts->correct - entry.before.counts->correct);
      found.below_noise += gain < standard_error(*entry.before.counts) ? 1 : 0;
    }
  }
  return found;
}

std::vector<std::string> verdict(const SearchResult& result, const AcceptRule& rule,
                                 const std::vector<std::string>& keys, const Scorebook& book,
                                 std::uint64_t seed) {
  std::vector<std::string> lines{headline(result, rule)};
  const auto say = [&](const std::string& line) {
    if (!line.empty()) lines.push_back(line);
  };
  if (result.soup().ingredients.size() == 1 && result.candidates.size() > 1)
    say(why_only_one(result, rule));
  say(about_distances(result));
  say(about_noise(result));
  if (const auto optimism = split_half(result, seed)) say(about_optimism(*optimism));
  say(about_repetitions(result));
  for (const Duplicates& group : find_duplicates(result.candidates, keys))
    say(names_of(result, group.candidates) +
        (group.same_contents ? " are the same model: it counts more than once in a mean."
                             : " give the same answers: they are probably the same model."));
  say(about_savings(book));
  return lines;
}

}  // namespace stockpot
