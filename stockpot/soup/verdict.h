// What a search means, in words: what was kept and why, what is noise, how far its own score can
// be trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/soup/search.h"

namespace stockpot {

// Groups of candidates that are the same model: the same contents, or, for candidates that say so
// much, the same answers (all metrics, or all examples) with other contents.
struct Duplicates {
  std::vector<std::size_t> candidates;
  bool same_contents = true;
};
std::vector<Duplicates> find_duplicates(const std::vector<Candidate>& candidates,
                                        const std::vector<std::string>& keys);

// The held-out score of the best of many soups is too good: it was chosen for it. Estimated by
// choosing on a random half of the examples (all copies of a picture in one half) and scoring on
// the other one.
struct Optimism {
  std::size_t soups = 0;  // among which the choice was made: all that were scored in full
  int splits = 0;
  double half = 0;   // mean drop in accuracy from the half that chose to the other one
  double whole = 0;  // about what a choice on all examples costs: half / sqrt(2)
};
// Nothing unless which examples are right is known of two soups or more. `seed` decides the
// halves.
std::optional<Optimism> split_half(const SearchResult& result, std::uint64_t seed,
                                   int splits = 200);

// Acceptances of the soup's walk that may be luck.
struct Acceptances {
  int total = 0;        // the first candidate is none
  int tested = 0;       // with an exact paired test
  std::string test;     // its name
  int below_noise = 0;  // p > 0.05, or without a test less than one standard error
};
Acceptances acceptances(const SearchResult& result);

// Sentences for people.
std::vector<std::string> verdict(const SearchResult& result, const AcceptRule& rule,
                                 const std::vector<std::string>& keys, const Scorebook& book,
                                 std::uint64_t seed);

// A score as people write it: "83.05 %" for accuracies, "0.412" else.
std::string score_text(const Evaluation& evaluation);

}  // namespace stockpot
