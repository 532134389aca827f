// Soups of the search runs, chosen on held-out data.
#pragma once

#include <string>
#include <vector>

#include "stockpot/pipeline/train_stage.h"
#include "stockpot/soup/greedy.h"

namespace stockpot {

struct Soup {
  std::string id, name;  // "greedy", "greedy soup"
  fs::path folder;       // soups/<id>
  Accuracy held_out;
  std::vector<std::string> ingredients;
  std::vector<LedgerEntry> ledger;   // greedy only
  std::vector<std::string> verdict;  // sentences; greedy only
};

// Writes soups/uniform and soups/greedy, or takes them over when they are finished. The greedy
// walk goes on where a killed one stopped (soups/greedy.ledger.jsonl).
std::vector<Soup> make_soups(const TrainContext& context,
                             const std::vector<TrainedModel>& candidates);

// Writes one soup: model folder, result.json, ledger.json for a greedy one.
void publish_soup(const Soup& soup, const Classifier& model, const Json& inputs);

}  // namespace stockpot
