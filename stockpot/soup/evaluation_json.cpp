#include "stockpot/soup/evaluation_json.h"

#include <cmath>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

const Json& need(const Json& json, const char* name) {
  const Json* member = json.find(name);
  if (member == nullptr) throw FormatError("there is no \"" + std::string(name) + "\"");
  return *member;
}

std::int64_t count_of(const Json& json, const char* name) {
  const std::int64_t count = need(json, name).as_integer();
  if (count < 0) throw FormatError("\"" + std::string(name) + "\" is negative");
  return count;
}

double number_or(const Json& json, const char* name, double otherwise) {
  const Json* member = json.find(name);
  return member == nullptr ? otherwise : member->as_number();
}

}  // namespace

Json to_json(const Geometry& geometry) {
  return Json::object({{"distance", geometry.distance},
                       {"relative", geometry.relative},
                       {"cosine", geometry.cosine},
                       {"angle", geometry.angle()},
                       {"from_base", geometry.from_base}});
}

Json to_json(const PairedTest& test) {
  Json json = Json::object(
      {{"only_before", test.only_first}, {"only_after", test.only_second}, {"p", test.p}});
  if (test.pictures > 0) json.set("pictures", test.pictures);
  return json;
}

Json brief(const Evaluation& evaluation) {
  Json json = Json::object({{"value", evaluation.value}});
  const Accuracy counts = evaluation.counts.value_or(Accuracy{});
  if (evaluation.counts || evaluation.failed()) {
    json.set("correct", counts.correct);
    json.set("total", counts.total);
  }
  if (evaluation.stopped) json.set("stopped", true);
  return json;
}

Json to_json(const Evaluation& evaluation) {
  Json json = Json::object({{"value", evaluation.value}});
  if (evaluation.counts) {
    json.set("correct", evaluation.counts->correct);
    json.set("of", evaluation.counts->total);
  }
  if (evaluation.stopped) json.set("stopped", true);
  if (evaluation.total > 0) {
    json.set("examples", evaluation.examples);
    json.set("total", evaluation.total);
  }
  if (evaluation.deviation > 0) json.set("deviation", evaluation.deviation);
  if (!evaluation.metrics.is_null()) json.set("metrics", evaluation.metrics);
  if (evaluation.geometry) json.set("geometry", to_json(*evaluation.geometry));
  if (!evaluation.hash.empty()) json.set("hash", evaluation.hash);
  if (!evaluation.failure.empty()) json.set("failure", evaluation.failure);
  json.set("seconds", evaluation.seconds);
  if (!evaluation.right.empty()) {
    json.set("rows", evaluation.right.rows());
    json.set("right", evaluation.right.hex());
  }
  return json;
}

Evaluation evaluation_from_json(const Json& json) {
  Evaluation evaluation;
  const Json& value = need(json, "value");
  if (!value.is_null()) evaluation.value = value.as_number();
  if (json.find("correct") != nullptr) {
    evaluation.counts = Accuracy{count_of(json, "correct"), count_of(json, "of")};
    if (evaluation.counts->correct > evaluation.counts->total)
      throw FormatError("more are correct than there are");
  }
  if (const Json* stopped = json.find("stopped")) evaluation.stopped = stopped->as_bool();
  if (json.find("total") != nullptr) {
    evaluation.examples = count_of(json, "examples");
    evaluation.total = count_of(json, "total");
  }
  evaluation.deviation = number_or(json, "deviation", 0);
  if (const Json* metrics = json.find("metrics")) evaluation.metrics = *metrics;
  if (const Json* place = json.find("geometry"))
    evaluation.geometry =
        Geometry{need(*place, "distance").as_number(), need(*place, "relative").as_number(),
                 need(*place, "cosine").as_number(),
                 // Ledgers of before it was written do not say.
                 place->find("from_base") != nullptr && place->find("from_base")->as_bool()};
  if (const Json* hash = json.find("hash")) evaluation.hash = hash->as_string();
  if (const Json* failure = json.find("failure")) evaluation.failure = failure->as_string();
  evaluation.seconds = number_or(json, "seconds", 0);
  if (const Json* right = json.find("right")) {
    const auto rows = RightRows::from_hex(right->as_string(), count_of(json, "rows"));
    if (!rows) throw FormatError("\"right\" does not hold \"rows\" bits");
    evaluation.right = *rows;
  }
  return evaluation;
}

}  // namespace stockpot
