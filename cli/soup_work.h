// A search for a soup but for what scores it: models, plan, ledger, walks, output.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/soup_args.h"
#include "cli/soup_place.h"
#include "cli/soup_text.h"
#include "stockpot/soup/ledger_file.h"
#include "stockpot/soup/mixer.h"
#include "stockpot/soup/search.h"

namespace stockpot::cli {

// The paths that MODELS mean: folders full of checkpoints become these. Throws UsageError for
// fewer than two.
std::vector<fs::path> soup_models(const SoupArgs& args);

// How soups are scored.
struct SoupJudge {
  SoupScore score;
  Json description;        // everything that the scores depend on beside the models
  Pictures pictures = {};  // that the held-out rows show, when it is known
  std::string metric;      // for people
  Direction direction = Direction::maximize;
  std::vector<std::string> plan;  // lines for people: where, how often, what cannot be saved
  std::vector<std::string> warnings = {};  // about the data: for the plan, the text and result.json
  std::function<void(const Scorebook&)> on_book = {};  // before the first question
  // For --bn recompute and compare: how the soup of these is written ("average", ...), or "" when
  // this has written it as `model`. Adds what it found to the facts.
  std::function<std::string(const std::vector<fs::path>& ingredients, const fs::path& model,
                            SoupFacts& facts)>
      batchnorm = {};
};

class SoupWork {
 public:
  // Opens and checks the models. `container`: what soups are mixed for; without
  // models (--table) there are only names.
  SoupWork(const SoupArgs& args, const CommandLine& line, std::vector<fs::path> models,
           Container container, Progress& progress);
  SoupWork(const SoupArgs& args, const CommandLine& line, std::vector<std::string> names,
           Progress& progress);
  SoupWork(const SoupWork&) = delete;

  const std::vector<fs::path>& paths() const { return paths_; }
  const std::vector<std::string>& names() const { return names_; }
  // Hashes of what the models hold: reads them all, the first time.
  const std::vector<std::string>& keys();
  const std::vector<Checkpoint>& models() const { return models_; }
  SoupMixer& mixer() { return *mixer_; }
  const SoupPlace& place() const { return place_; }

  // The whole command: plan, search, output, what is printed. Returns the exit code.
  int run(const SoupJudge& judge);

 private:
  SearchOptions search_options(const SoupJudge& judge) const;
  std::string plan_text(const SoupJudge& judge) const;
  void print_plan(const SoupJudge& judge) const;
  std::unique_ptr<LedgerFile> open_ledger(const SoupJudge& judge);
  void make_way(const SearchResult& result) const;
  void write_model(const SearchResult& result, const SoupJudge& judge, SoupFacts& facts);
  void publish(const SearchResult& result, const Scorebook& book, const SoupJudge& judge,
               SoupFacts facts);

  const SoupArgs& args_;
  const CommandLine& line_;
  Progress& progress_;
  SoupPlace place_;
  std::vector<fs::path> paths_;
  std::vector<std::string> names_, keys_;
  std::vector<Checkpoint> models_;
  std::optional<Checkpoint> base_;
  MergePlan plan_;
  std::unique_ptr<SoupMixer> mixer_;
};

}  // namespace stockpot::cli
