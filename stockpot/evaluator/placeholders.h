// How an external evaluator is told what to evaluate: placeholders in its arguments, environment
// variables, or a line of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/evaluator/external.h"

namespace stockpot {

struct Places {
  const EvaluatedModel& model;
  fs::path result;
  int seed = 0;
};

// Those of {model_dir}, {model_file}, {result_json}, {candidate} and {seed} that a word has.
std::vector<std::string> placeholders_in(const std::string& word);
bool any_has(const std::vector<std::string>& words, const std::string& placeholder);

// Placeholders are replaced, in one pass; nothing else is expanded.
std::string filled_in(const std::string& word, const Places& places);
std::vector<std::string> protocol_environment(const Places& places);
std::string request_line(std::int64_t id, const Places& places);

// A file name for logs about a model: letters, digits and the start of its hash.
std::string file_stem_of(const EvaluatedModel& model);

}  // namespace stockpot
