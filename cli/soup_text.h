// A finished search as JSON and as a page for a terminal.
#pragma once

#include <string>
#include <vector>

#include "stockpot/soup/search.h"

namespace stockpot::cli {

struct SoupFacts {
  std::string command, method;  // "soup greedy", "greedy"
  std::string metric;           // as the user wrote it
  AcceptRule rule;
  Json evaluator;                      // what scored
  std::vector<std::string> keys;       // contents of the candidates
  std::vector<std::string> notes;      // for people
  std::vector<std::string> sentences;  // verdict()
  fs::path output, model, ledger;      // empty: none
  std::uint64_t seed = 0;
  Json batchnorm;              // SoupBatchNorm::to_json(), or null
  std::string batchnorm_text;  // as a table
};

// docs/soups.md has the members.
Json soup_json(const SearchResult& result, const Scorebook& book, const SoupFacts& facts);

// The walk of the soup as a table, and under it what it means.
std::string soup_text(const SearchResult& result, const SoupFacts& facts, std::size_t width);

// One entry as a line: "in   model_44: +150 of 26,000 (p 0.0012, 31 degrees)".
std::string entry_line(const LedgerEntry& entry);

}  // namespace stockpot::cli
