#include "stockpot/soup/greedy.h"

#include <algorithm>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

Json counts(const Accuracy& accuracy) {
  return Json::object({{"correct", accuracy.correct}, {"total", accuracy.total}});
}

// A total of 0 stands for an evaluation that failed or gave NaN.
bool failed(const Accuracy& accuracy) { return accuracy.total <= 0; }

// Counts can be compared only when they are of the same pictures.
void require_same_total(const Accuracy& accuracy, std::int64_t total, const std::string& what) {
  if (failed(accuracy)) return;
  if (accuracy.total != total) {
    throw UsageError(what + " was scored on " + grouped(accuracy.total) +
                     " held-out pictures, others on " + grouped(total) +
                     ": score all of them on the same set");
  }
  if (accuracy.correct < 0 || accuracy.correct > accuracy.total) {
    throw UsageError(what + " has " + std::to_string(accuracy.correct) + " of " +
                     std::to_string(accuracy.total) + " right, which cannot be");
  }
}

// Indices from the best held-out accuracy down; failed candidates last.
std::vector<std::size_t> walking_order(std::span<const Candidate> candidates) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto rank_value = [&](std::size_t i) {
    return failed(candidates[i].held_out) ? -1 : candidates[i].held_out.correct;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rank_value(a) > rank_value(b); });
  return order;
}

std::string in_words(const Accuracy& before, const Accuracy& after, Accept accept) {
  if (failed(after)) return "left out: the soup with it could not be scored";
  const std::int64_t gain = after.correct - before.correct;
  const std::string of = " of " + grouped(before.total);
  if (gain > 0) return "+" + grouped(gain) + of;
  if (gain < 0) return "-" + grouped(-gain) + of;
  return "0" + of + (accept == Accept::ties ? ": a tie stays in" : ": a tie stays out");
}

}  // namespace

Json LedgerEntry::to_json() const {
  return Json::object({{"rank", rank},
                       {"candidate", static_cast<std::uint64_t>(candidate)},
                       {"name", name},
                       {"alone", counts(alone)},
                       {"before", counts(before)},
                       {"after", counts(after)},
                       {"accepted", accepted},
                       {"reason", reason}});
}

GreedyResult greedy_soup(std::span<const Candidate> candidates, const SoupScore& score,
                         Accept accept, const std::function<void(const LedgerEntry&)>& on_entry) {
  if (candidates.empty()) throw UsageError("a greedy soup needs one candidate or more");
  const std::vector<std::size_t> order = walking_order(candidates);
  if (failed(candidates[order.front()].held_out)) {
    throw UsageError("no candidate of the greedy soup has a held-out accuracy");
  }
  const std::int64_t total = candidates[order.front()].held_out.total;
  for (const Candidate& one : candidates) require_same_total(one.held_out, total, one.name);

  GreedyResult soup;
  for (const std::size_t index : order) {
    const Candidate& candidate = candidates[index];
    LedgerEntry entry;
    entry.rank = static_cast<int>(soup.ledger.size()) + 1;
    entry.candidate = index;
    entry.name = candidate.name;
    entry.alone = candidate.held_out;
    entry.before = soup.held_out;
    if (soup.ingredients.empty()) {
      entry.after = candidate.held_out;
      entry.accepted = true;
      entry.reason = "first: best on held-out data";
    } else if (failed(candidate.held_out)) {
      entry.reason = "left out: it has no held-out accuracy";
    } else {
      std::vector<std::size_t> with = soup.ingredients;
      with.push_back(index);
      entry.after = score(with);
      require_same_total(entry.after, total, "the soup with " + candidate.name);
      const std::int64_t gain = entry.after.correct - soup.held_out.correct;
      entry.accepted = !failed(entry.after) && (accept == Accept::ties ? gain >= 0 : gain > 0);
      entry.reason = in_words(soup.held_out, entry.after, accept);
    }
    if (entry.accepted) {
      soup.ingredients.push_back(index);
      soup.held_out = entry.after;
    }
    if (on_entry) on_entry(entry);
    soup.ledger.push_back(std::move(entry));
  }
  return soup;
}

}  // namespace stockpot
