// Soups over random subsets of models: what the number of models buys (Wortsman et al. 2022, the
// figure of accuracy against the number of models).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "stockpot/pipeline/mixtures.h"
#include "stockpot/soup/evaluation.h"

namespace stockpot {

struct SubsetOptions {
  at::Device device = at::kCPU;
  bool bf16 = false;
  std::vector<std::size_t> sizes;  // each from 1 to the number of models; any order
  std::size_t repeats = 5;
  std::uint64_t seed = 0;
  AcceptRule rule = {};
};

enum class SubsetMethod : std::uint8_t {
  best,           // the single model of the subset that is best on held-out data
  uniform,        // the mean of the subset
  greedy,         // the greedy soup of the subset, the best first
  greedy_random,  // the greedy walk in the subset's own, random order
};
std::string_view name_of(SubsetMethod method);

struct SubsetSoup {
  SubsetMethod method = SubsetMethod::uniform;
  std::size_t size = 0, repeat = 0;
  std::vector<std::size_t> members;  // of the models, in order of acceptance
  std::vector<Accuracy> scores;      // by set
};

// Repeat r draws the order random_order(models, seed, Purpose::subset, r); its subset of size m is
// the first m of it, so that sizes are nested. Soups are scored with early rejection on the
// held-out set, of which there must be one; what came out is looked at on every set; the same
// members are never looked at twice. Averages are those of soup greedy (soup/mixer.h).
// Throws UsageError for sizes that cannot be, Interrupted.
std::vector<SubsetSoup> soups_of_subsets(const std::vector<fs::path>& models,
                                         const std::vector<NamedSet>& sets,
                                         const SubsetOptions& options, Progress& progress);

}  // namespace stockpot
