#include <iostream>
#include <numeric>

#include "cli/commands.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/soup_stage.h"

namespace stockpot::cli {

int cmd_soup_greedy(const SoupArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  if (args.models.size() < 2) throw UsageError("a soup needs two or more models");
  if (fs::exists(args.output))
    throw UsageError(printable(args.output.string()) + " exists; name another output");
  const at::Device device = parse_device(line.device.value_or("cpu"));
  LoadOptions options;
  options.classes = ModelFolder::open(args.models.front()).labels;
  const HeldOut held_out{ImageDataset::load(parse_sources(args.held_out), options)};

  std::vector<Ingredient> ingredients;
  for (const fs::path& path : args.models) ingredients.push_back({path.string(), path, {}});
  SoupScorer scorer(ingredients, held_out, device, line.bf16, progress);
  std::vector<Candidate> candidates;
  Json inputs = Json::array();
  for (std::size_t i = 0; i < ingredients.size(); ++i) {
    const std::size_t alone[] = {i};
    candidates.push_back({ingredients[i].name, scorer(alone)});
    progress.say(printable(ingredients[i].name) + ": held-out " +
                 fixed(100 * candidates.back().held_out.value(), 2) + " %");
    inputs.push(Json::object(
        {{"name", ingredients[i].name}, {"held_out", to_json(candidates.back().held_out)}}));
  }
  GreedyResult walk = greedy_soup(
      candidates, [&](std::span<const std::size_t> members) { return scorer(members); },
      args.accept == "strict" ? Accept::strict : Accept::ties,
      [&](const LedgerEntry& entry) {
        progress.say((entry.accepted ? "in   " : "out  ") + printable(entry.name) + ": " +
                     entry.reason);
      });
  Soup soup{"greedy", "greedy soup", args.output, walk.held_out, {}, std::move(walk.ledger)};
  for (const std::size_t i : walk.ingredients) soup.ingredients.push_back(ingredients[i].name);
  publish_soup(soup, scorer.mean(walk.ingredients),
               Json::object({{"candidates", inputs}, {"accept", args.accept}}));
  if (line.json) {
    Json ledger = Json::array(), names = Json::array();
    for (const LedgerEntry& entry : soup.ledger) ledger.push(entry.to_json());
    for (const std::string& name : soup.ingredients) names.push(name);
    std::cout << Json::object({{"schema_version", 1},
                               {"method", "greedy"},
                               {"held_out", to_json(soup.held_out)},
                               {"ingredients", names},
                               {"ledger", ledger},
                               {"output", args.output.string()}})
                     .dump(2)
              << "\n";
  } else {
    std::cout << "greedy soup of " << soup.ingredients.size() << " of " << ingredients.size()
              << " models: held-out " << fixed(100 * soup.held_out.value(), 2) << " %, in "
              << printable((args.output / "model").string()) << "\n";
  }
  return 0;
}

}  // namespace stockpot::cli
