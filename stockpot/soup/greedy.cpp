#include "stockpot/soup/greedy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/soup/evaluation_json.h"

namespace stockpot {
namespace {

// Counts can be compared only when they are of the same rows.
void require_same_total(const Evaluation& evaluation, const std::optional<Accuracy>& first,
                        const std::string& what) {
  if (!evaluation.counts) return;
  const Accuracy& counts = *evaluation.counts;
  if (counts.correct < 0 || counts.correct > counts.total)
    throw UsageError(what + " has " + std::to_string(counts.correct) + " of " +
                     std::to_string(counts.total) + " right, which cannot be");
  if (first && counts.total != first->total)
    throw UsageError(what + " was scored on " + grouped(counts.total) +
                     " held-out examples, others on " + grouped(first->total) +
                     ": score all of them on the same set");
}

std::string sign_of(double difference) { return difference < 0 ? "-" : "+"; }

std::string in_words(const LedgerEntry& entry, const AcceptRule& rule) {
  const Evaluation &before = entry.before, &after = entry.after;
  const std::string without = entry.removal ? "without" : "with";
  if (after.failed())
    return std::string(entry.removal ? "kept" : "left out") + ": the soup " + without +
           " it could not be scored" + (after.failure.empty() ? "" : ": " + after.failure);
  if (after.stopped)
    return "stopped after " + grouped(after.examples) + " of " + grouped(after.total) + ": " +
           (after.counts && before.counts
                ? grouped(after.counts->total - after.counts->correct) +
                      " wrong already, the soup " +
                      grouped(before.counts->total - before.counts->correct)
                : "at best " + significant(after.value, 6) + ", the soup " +
                      significant(before.value, 6));
  const bool counted = rule.counted(before, after);
  const double gain = counted ? static_cast<double>(after.counts->correct - before.counts->correct)
                              : after.value - before.value;
  if (gain == 0)
    return "0" + (counted ? " of " + grouped(before.counts->total) : std::string()) + ": a tie " +
           (entry.accepted != entry.removal ? "stays in" : "stays out");
  if (counted)
    return sign_of(gain) + grouped(static_cast<std::int64_t>(std::abs(gain))) + " of " +
           grouped(before.counts->total);
  return sign_of(gain) + significant(std::abs(gain), 3) + ", to " + significant(after.value, 6);
}

class Walker {
 public:
  Walker(std::span<const Candidate> candidates, const SoupScore& score, const WalkOptions& options)
      : candidates_(candidates), score_(score), options_(options) {
    walk_.name = options.name;
  }

  Walk forward(std::span<const std::size_t> order) {
    check(order);
    for (std::size_t at = 0; at < order.size(); ++at) {
      LedgerEntry entry = start(order[at]);
      if (walk_.ingredients.empty() && !entry.alone.failed()) {
        entry.after = entry.alone;
        entry.accepted = true;
        entry.reason = "first: " + first_reason(order[at]);
      } else if (entry.alone.failed()) {
        entry.reason = "left out: it has no score by itself" +
                       (entry.alone.failure.empty() ? "" : ": " + entry.alone.failure);
      } else {
        SoupRequest request;
        request.added = order[at];
        if (at + 1 < order.size()) request.next = order[at + 1];
        request.name =
            "soup of " + std::to_string(walk_.ingredients.size()) + " with " + entry.name;
        ask(std::move(request), entry);
      }
      finish(std::move(entry));
    }
    return std::move(walk_);
  }

  Walk backward(const std::vector<std::size_t>& ingredients, const Evaluation& held_out) {
    walk_.ingredients = ingredients;
    walk_.held_out = held_out;
    std::vector<std::size_t> order = order_by_score(candidates_, options_.rule);
    std::ranges::reverse(order);
    // Until every ingredient was asked for since the last change.
    for (std::size_t at = 0, tried = 0; tried < walk_.ingredients.size(); ++at) {
      const std::size_t i = order[at % order.size()];
      if (walk_.ingredients.size() < 2) break;
      if (std::ranges::find(walk_.ingredients, i) == walk_.ingredients.end()) continue;
      LedgerEntry entry = start(i);
      entry.removal = true;
      SoupRequest request;
      request.removed = i;
      request.name =
          "soup of " + std::to_string(walk_.ingredients.size()) + " without " + entry.name;
      ask(std::move(request), entry);
      tried = entry.accepted ? 0 : tried + 1;
      finish(std::move(entry));
    }
    return std::move(walk_);
  }

 private:
  void check(std::span<const std::size_t> order) const {
    if (order.empty()) throw UsageError("a soup needs one candidate or more");
    std::optional<Accuracy> first;
    bool any = false;
    for (const std::size_t i : order) {
      any = any || !candidates_[i].alone.failed();
      require_same_total(candidates_[i].alone, first, candidates_[i].name);
      if (!first) first = candidates_[i].alone.counts;
    }
    if (!any) throw UsageError("no candidate of the soup has a score on held-out data");
  }

  // The best one, or the first of an order that has nothing to do with scores.
  std::string first_reason(std::size_t first) const {
    const std::size_t best = order_by_score(candidates_, options_.rule).front();
    return options_.rule.better(candidates_[best].alone, candidates_[first].alone)
               ? "first of this order"
               : "best on held-out data";
  }

  LedgerEntry start(std::size_t candidate) const {
    LedgerEntry entry;
    entry.walk = walk_.name;
    entry.rank = static_cast<int>(walk_.ledger.size()) + 1;
    entry.candidate = candidate;
    entry.name = candidates_[candidate].name;
    entry.alone = candidates_[candidate].alone;
    entry.before = walk_.held_out;
    return entry;
  }

  void ask(SoupRequest request, LedgerEntry& entry) const {
    const StopRule stop{options_.rule, walk_.held_out.value};
    request.soup = walk_.ingredients;
    if (options_.stop_early) request.stop = &stop;
    entry.after = score_(request);
    require_same_total(entry.after, walk_.held_out.counts, "the " + request.name);
    entry.accepted = options_.rule.accepts(entry.before, entry.after);
    entry.reason = in_words(entry, options_.rule);
    const RightRows &before = entry.before.right, &after = entry.after.right;
    if (!before.empty() && before.rows() == after.rows())
      entry.test = paired_test(before, after, options_.pictures);
  }

  void finish(LedgerEntry entry) {
    if (entry.accepted) {
      if (entry.removal)
        std::erase(walk_.ingredients, entry.candidate);
      else
        walk_.ingredients.push_back(entry.candidate);
      walk_.held_out = entry.after;
    }
    if (options_.on_entry) options_.on_entry(entry);
    walk_.ledger.push_back(std::move(entry));
  }

  std::span<const Candidate> candidates_;
  const SoupScore& score_;
  const WalkOptions& options_;
  Walk walk_;
};

}  // namespace

Json LedgerEntry::to_json() const {
  Json json = Json::object({{"rank", rank},
                            {"candidate", static_cast<std::uint64_t>(candidate)},
                            {"name", name},
                            {"alone", brief(alone)},
                            {"before", brief(before)},
                            {"after", brief(after)},
                            {"accepted", accepted},
                            {"reason", reason}});
  if (removal) json.set("removal", true);
  if (test) json.set("test", stockpot::to_json(*test));
  if (after.geometry) json.set("geometry", stockpot::to_json(*after.geometry));
  if (!after.metrics.is_null()) json.set("metrics", after.metrics);
  if (after.deviation > 0) json.set("deviation", after.deviation);
  if (after.total > 0) {
    json.set("examples", after.examples);
    json.set("of", after.total);
  }
  return json;
}

std::vector<std::size_t> order_by_score(std::span<const Candidate> candidates,
                                        const AcceptRule& rule, bool later_first) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (later_first) std::ranges::reverse(order);
  // One key for all: counts beside values would be no order.
  const bool counted = std::ranges::all_of(candidates, [&](const Candidate& candidate) {
    return candidate.alone.failed() || rule.counted(candidate.alone, candidate.alone);
  });
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    const Evaluation &left = candidates[a].alone, &right = candidates[b].alone;
    if (left.failed() || right.failed()) return !left.failed() && right.failed();
    return counted ? rule.better(left, right) : rule.better(left.value, right.value);
  });
  return order;
}

Walk walk_forward(std::span<const Candidate> candidates, std::span<const std::size_t> order,
                  const SoupScore& score, const WalkOptions& options) {
  return Walker(candidates, score, options).forward(order);
}

Walk walk_backward(std::span<const Candidate> candidates,
                   const std::vector<std::size_t>& ingredients, const Evaluation& held_out,
                   const SoupScore& score, const WalkOptions& options) {
  return Walker(candidates, score, options).backward(ingredients, held_out);
}

Walk greedy_soup(std::span<const Candidate> candidates, const SoupScore& score, Accept accept,
                 const OnEntry& on_entry) {
  WalkOptions options;
  options.rule.accept = accept;
  options.on_entry = on_entry;
  return walk_forward(candidates, order_by_score(candidates, options.rule), score, options);
}

}  // namespace stockpot
