// Scores that are never asked for twice: an evaluator behind a ledger.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stockpot/soup/greedy.h"
#include "stockpot/soup/ledger_file.h"

namespace stockpot {

class Scorebook {
 public:
  struct Options {
    std::vector<std::string> names;  // of the candidates
    std::vector<std::string> keys;   // what they hold: content hashes
    SoupScore evaluator;
    LedgerFile* file = nullptr;  // nullptr: kept in memory only; must outlive the book
    bool retry_failed = false;   // ask again for what failed before
  };
  // Takes over what the file holds. Throws FormatError naming file and line for an entry that
  // this program cannot have written.
  explicit Scorebook(Options options);

  // From the book; else from the evaluator. What was stopped early is taken from the book only
  // when that is enough to reject it now.
  Evaluation score(const SoupRequest& request);
  // A model by itself: its line is written at once.
  Evaluation score_alone(std::size_t candidate, std::optional<std::size_t> next);
  // Writes the line of the last evaluation with what was decided from it; nothing when it came
  // from the book. To be called after each score(), before the next one.
  void record(const LedgerEntry& decision);

  // The number of examples that the evaluations of the file are of; nothing when none tells.
  std::optional<std::int64_t> rows() const;

  struct Counts {
    std::int64_t evaluated = 0, reused = 0, failed = 0;  // models and soups
    // Looked at, and what whole passes would have been: of soups that were evaluated now, models
    // alone aside.
    std::int64_t examples = 0, of = 0;
    double seconds = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  std::string key_of(const SoupRequest& request) const;
  void take_over(const Json& line);
  void write(const SoupRequest& request, const Evaluation& evaluation, const LedgerEntry* decision);

  Options options_;
  std::map<std::string, Evaluation> known_;
  std::optional<SoupRequest> pending_;  // evaluated, not written yet
  Evaluation fresh_;
  Counts counts_;
};

}  // namespace stockpot
