// A learned soup for people and programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/blend/coefficients.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot::cli {

struct LearnedScore {
  std::string name;
  std::optional<double> loss;  // of beta times the logits
  Accuracy accuracy;
};

struct LearnedFacts {
  std::vector<std::string> models, keys;  // paths; content hashes
  std::vector<std::string> rows;          // their names
  std::vector<std::int64_t> elements;     // by row
  std::vector<double> alpha;              // rows x models
  double beta = 1;
  Json settings, start, identity;
  std::vector<double> losses;
  std::int64_t steps = 0;
  LearnedScore learned, uniform;
  std::optional<LearnedScore> best;  // of the models alone
  std::string model;                 // folder of the soup
  std::vector<std::string> notes;
};

// The document of --json and result.json (docs/soups.md has its members).
Json learned_json(const LearnedFacts& facts);
// What the command prints, from that document: a finished soup is shown again.
std::string learned_text(const Json& result, std::size_t width);

}  // namespace stockpot::cli
