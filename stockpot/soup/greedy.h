// Greedy soup (Wortsman et al. 2022, Recipe 1): walk the candidates from the best held-out
// accuracy down, and keep each one that does not lower the accuracy of the average.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {

enum class Accept {
  ties,    // >=, the paper's rule and the default
  strict,  // >, the reference program's rule
};

struct Candidate {
  std::string name;
  Accuracy held_out;  // of the model alone
};

// One line of the ledger: why a candidate is in or out.
struct LedgerEntry {
  int rank = 0;  // 1 = best alone
  std::size_t candidate = 0;
  std::string name;
  Accuracy alone;   // the candidate by itself
  Accuracy before;  // the soup before (total 0 for the first candidate)
  Accuracy after;   // the soup with the candidate
  bool accepted = false;
  std::string reason;  // "first: best on held-out data", "+3 of 780", "-2 of 780"

  Json to_json() const;
};

struct GreedyResult {
  std::vector<std::size_t> ingredients;  // in order of acceptance
  Accuracy held_out;                     // of the soup
  std::vector<LedgerEntry> ledger;
};

// Held-out accuracy of the average of these candidates (indices; more than one).
using SoupScore = std::function<Accuracy(std::span<const std::size_t> ingredients)>;

// Candidates of equal accuracy keep their listed order. The first candidate's own accuracy
// is not evaluated again. `on_entry`, when given, sees each ledger entry as it is made.
GreedyResult greedy_soup(std::span<const Candidate> candidates, const SoupScore& score,
                         Accept accept = Accept::ties,
                         const std::function<void(const LedgerEntry&)>& on_entry = {});

}  // namespace stockpot
