// Soups and ensembles of the search runs, chosen on held-out data.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/metrics/predictions.h"
#include "stockpot/pipeline/train_stage.h"
#include "stockpot/soup/greedy.h"

namespace stockpot {

// A finished model that may go into a soup.
struct Ingredient {
  std::string name;
  fs::path folder;  // a model folder
  Accuracy held_out;
};

// Averages prefixes of a greedy walk and scores them on held-out data. Keeps one fp64 sum of
// the accepted ingredients, so every candidate is read once.
class SoupScorer {
 public:
  SoupScorer(std::vector<Ingredient> ingredients, const HeldOut& held_out, at::Device device,
             bool bf16, Progress& progress);
  ~SoupScorer();
  // Held-out accuracy of the mean of these ingredients.
  Accuracy operator()(std::span<const std::size_t> ingredients);
  // The mean of these ingredients as a classifier.
  Classifier mean(std::span<const std::size_t> ingredients);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Soup {
  std::string id, name;  // "greedy", "greedy soup"
  fs::path folder;       // soups/<id>
  Accuracy held_out;
  std::vector<std::string> ingredients;
  std::vector<LedgerEntry> ledger;  // greedy only
};

// Writes soups/uniform and soups/greedy, or takes them over when they are finished.
std::vector<Soup> make_soups(const TrainContext& context,
                             const std::vector<TrainedModel>& candidates);

// Writes one soup: model folder, result.json, ledger.json for a greedy one.
void publish_soup(const Soup& soup, const Classifier& model, const Json& inputs);

}  // namespace stockpot
