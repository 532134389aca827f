// The whole search for a soup: every model alone, then one or more walks, the best of which is
// taken.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stockpot/soup/greedy.h"
#include "stockpot/soup/scorebook.h"

namespace stockpot {

enum class WalkOrder : std::uint8_t { score, random, given };

struct SearchOptions {
  AcceptRule rule;
  WalkOrder order = WalkOrder::score;
  bool later_first = false;  // models of equal score: the later-listed one first
  std::uint64_t seed = 0;    // of random orders
  int restarts = 0;          // further walks in random orders
  bool prune = false;        // a backward walk over what was found
  bool from_all = false;     // only a backward walk, from the soup of all models
  bool stop_early = true;
  Pictures pictures = {};  // that the held-out rows show, when it is known
  OnEntry on_entry;
  // Sees each model alone as it was scored.
  std::function<void(const Candidate&, std::size_t index)> on_alone;
};

struct SearchResult {
  std::vector<Candidate> candidates;
  std::vector<Walk> walks;
  std::size_t best = 0;  // of walks
  Pictures pictures;     // as the options have them

  const Walk& soup() const { return walks[best]; }
};

// Throws RunError when no model could be scored alone, or when the soup of all models, where a
// backward walk starts, could not be.
SearchResult search_soup(const std::vector<std::string>& names, Scorebook& book,
                         const SearchOptions& options);

}  // namespace stockpot
