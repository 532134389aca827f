// The greedy walk with a scoring function of one's own: here a table of made-up counts, in
// real use anything that scores the average of some models on held-out data.
#include <iostream>

#include "stockpot/soup/greedy.h"

using namespace stockpot;

int main() {
  const std::vector<Candidate> candidates{{"lr 3e-4", Accuracy{870, 1000}},
                                          {"lr 1e-3", Accuracy{880, 1000}},
                                          {"lr 1e-4", Accuracy{850, 1000}}};

  // Held-out counts of the averages that the walk asks for.
  const SoupScore score = [](const SoupRequest& request) -> Evaluation {
    return Accuracy{request.added == 0 ? 885 : 879, 1000};
  };

  const Walk soup = greedy_soup(candidates, score);
  for (const LedgerEntry& entry : soup.ledger)
    std::cout << (entry.accepted ? "in   " : "out  ") << entry.name << ": " << entry.reason << "\n";
  std::cout << soup.ingredients.size() << " ingredients, " << soup.held_out.counts->correct
            << " of " << soup.held_out.counts->total << " right\n";
}
