#include "stockpot/evaluator/cached_score.h"

#include <cmath>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

std::optional<ExternalScore> from_json(const Json& json) {
  ExternalScore score;
  if (json.find("schema_version")->as_integer() != 1) return std::nullopt;
  score.value = json.find("value")->as_number();
  score.deviation = json.find("deviation")->as_number();
  score.metrics = *json.find("metrics");
  score.seconds = json.find("seconds")->as_number();
  if (!std::isfinite(score.value)) return std::nullopt;
  if (const Json* n = json.find("n")) score.n = n->as_integer();
  if (const Json* correct = json.find("correct"))
    score.counts = Accuracy{correct->as_integer(), score.n.value()};
  if (const Json* right = json.find("per_example")) {
    const auto rows = RightRows::from_hex(right->as_string(), score.n.value());
    if (!rows) return std::nullopt;
    score.right = *rows;
  }
  return score;
}

}  // namespace

std::optional<ExternalScore> read_score(const fs::path& file) {
  std::error_code ignored;
  if (file.empty() || !fs::exists(file, ignored)) return std::nullopt;
  try {
    const Json json = Json::read(file);
    for (const char* needed : {"schema_version", "value", "deviation", "metrics", "seconds"})
      if (json.find(needed) == nullptr) return std::nullopt;
    return from_json(json);
  } catch (const FormatError&) {
    return std::nullopt;
  } catch (const std::bad_optional_access&) {
    return std::nullopt;
  }
}

void write_score(const fs::path& file, const ExternalScore& score) {
  Json json = Json::object({{"schema_version", 1},
                            {"value", score.value},
                            {"deviation", score.deviation},
                            {"metrics", score.metrics},
                            {"seconds", score.seconds}});
  if (score.n) json.set("n", *score.n);
  if (score.counts) json.set("correct", score.counts->correct);
  if (!score.right.empty()) json.set("per_example", score.right.hex());
  try {
    std::error_code ignored;
    fs::create_directories(file.parent_path(), ignored);
    write_file(file, json.dump() + "\n");
  } catch (const WriteError&) {
  }
}

}  // namespace stockpot
