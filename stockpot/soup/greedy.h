// Walks over candidates that keep what does not lower a soup's score on held-out data: forward
// (greedy soup, Wortsman et al. 2022, Recipe 1) and backward (pruned soup).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/metrics/paired_test.h"
#include "stockpot/soup/request.h"

namespace stockpot {

struct Candidate {
  std::string name;
  Evaluation alone;  // the model by itself, on held-out data
};

// One step of a walk: why a candidate is in or out.
struct LedgerEntry {
  std::string walk;  // "by score", "random order 2", "pruning"
  int rank = 0;      // from 1, in the order of the walk
  std::size_t candidate = 0;
  std::string name;
  bool removal = false;  // the question was to take it out
  Evaluation alone;      // the candidate by itself
  Evaluation before;     // the soup before (failed for the first candidate)
  Evaluation after;      // the soup with, or without, the candidate
  bool accepted = false;
  std::string reason;              // "first: best on held-out data", "+3 of 780"
  std::optional<PairedTest> test;  // before against after, when both tell which rows are right

  Json to_json() const;
};

struct Walk {
  std::string name;
  std::vector<std::size_t> ingredients;  // in order of acceptance
  Evaluation held_out;                   // of the soup
  std::vector<LedgerEntry> ledger;
};

// How good a soup is. May throw to end the walk.
using SoupScore = std::function<Evaluation(const SoupRequest&)>;
// Sees each entry as it is made.
using OnEntry = std::function<void(const LedgerEntry&)>;

struct WalkOptions {
  std::string name = "by score";
  AcceptRule rule;
  bool stop_early = true;  // give the evaluator a StopRule
  Pictures pictures = {};  // that the held-out rows show, for tests; when it is known
  OnEntry on_entry;
};

// From the best candidate alone down; failed ones last. Equal ones keep their listed order, or
// take its reverse (the reference program's).
std::vector<std::size_t> order_by_score(std::span<const Candidate> candidates,
                                        const AcceptRule& rule, bool later_first = false);

// Takes the candidates in this order. The first one that has a score enters; its own score is not
// asked for again. Throws UsageError: no candidates, none with a score, scores of other rows.
Walk walk_forward(std::span<const Candidate> candidates, std::span<const std::size_t> order,
                  const SoupScore& score, const WalkOptions& options);

// Starts from a soup and asks for each ingredient, the worst alone first, whether the soup without
// it is accepted by the rule; goes round until nothing changes.
Walk walk_backward(std::span<const Candidate> candidates,
                   const std::vector<std::size_t>& ingredients, const Evaluation& held_out,
                   const SoupScore& score, const WalkOptions& options);

// The paper's recipe: forward, by score.
Walk greedy_soup(std::span<const Candidate> candidates, const SoupScore& score,
                 Accept accept = Accept::ties, const OnEntry& on_entry = {});

}  // namespace stockpot
