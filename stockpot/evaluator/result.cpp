#include "stockpot/evaluator/result.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/evaluator/failure.h"
#include "stockpot/evaluator/npy.h"

namespace stockpot {
namespace {

constexpr std::int64_t kMostValues = std::int64_t{1} << 28;

[[noreturn]] void fail(const std::string& reason) { throw EvaluatorFailure(reason); }

// "~1" is a slash, "~0" a tilde.
std::string unescaped(std::string_view token) {
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool pair = token[i] == '~' && i + 1 < token.size();
    text += pair ? (token[i + 1] == '1' ? '/' : '~') : token[i];
    if (pair) ++i;
  }
  return text;
}

const Json* child_of(const Json& json, const std::string& token) {
  if (json.is_object()) return json.find(token);
  if (!json.is_array()) return nullptr;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size() || index >= json.items().size())
    return nullptr;
  return &json.items()[index];
}

Json metrics_of(const Json& json) {
  const Json* metrics = json.find("metrics");
  if (metrics == nullptr || !metrics->is_object()) fail("the result has no object \"metrics\"");
  for (const auto& [name, value] : metrics->members())
    if (!value.is_number())
      fail("the metric '" + printable(name) +
           "' is not a number: " + printable(value.dump().substr(0, 80)));
  return *metrics;
}

double value_at(const Json& json, const std::string& pointer) {
  const Json* value = at_pointer(json, pointer);
  if (value == nullptr) {
    std::vector<std::string> known;
    for (const auto& [name, number] : json.find("metrics")->members())
      known.push_back("/metrics/" + printable(name));
    fail("the result has nothing at " + printable(pointer) +
         (known.empty() ? "" : " (there are: " + join(known, ", ") + ")"));
  }
  if (!value->is_number())
    fail(printable(pointer) +
         " of the result is not a number: " + printable(value->dump().substr(0, 80)));
  return value->as_number();
}

std::optional<std::int64_t> count_at(const Json& json, const char* name) {
  const Json* value = json.find(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_integer() || value->as_integer() < 0)
    fail("\"" + std::string(name) +
         "\" of the result is not a count: " + printable(value->dump().substr(0, 80)));
  return value->as_integer();
}

fs::path file_at(const Json& json, const char* name, const fs::path& folder) {
  const Json* value = json.find(name);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_string()) fail("\"" + std::string(name) + "\" of the result is no file name");
  return folder / fs::path(value->as_string());
}

NpyArray array_at(const fs::path& file, const char* name) {
  try {
    return read_npy(file, kMostValues);
  } catch (const FormatError& error) {
    fail("\"" + std::string(name) + "\": " + error.what());
  }
}

std::vector<bool> read_per_example(const fs::path& file) {
  const NpyArray array = array_at(file, "per_example");
  if (array.shape.size() != 1) fail("\"per_example\" has two dimensions, expected one");
  std::vector<bool> right;
  for (const double value : array.values) {
    if (value != 0 && value != 1)
      fail("\"per_example\" holds " + shortest(value) + ", expected 0 or 1 for each example");
    right.push_back(value == 1);
  }
  return right;
}

}  // namespace

const Json* at_pointer(const Json& json, const std::string& pointer) {
  if (pointer.empty()) return &json;
  if (pointer.front() != '/') return nullptr;
  const Json* place = &json;
  for (const std::string& token : split(std::string_view(pointer).substr(1), '/')) {
    place = child_of(*place, unescaped(token));
    if (place == nullptr) return nullptr;
  }
  return place;
}

ExternalResult check_result(const Json& json, const std::string& pointer, const fs::path& folder) {
  if (!json.is_object()) fail("the result is no JSON object");
  ExternalResult result;
  result.metrics = metrics_of(json);
  result.value = value_at(json, pointer);
  if (!std::isfinite(result.value)) fail(printable(pointer) + " is not finite");
  result.n = count_at(json, "n");
  const std::optional<std::int64_t> correct = count_at(json, "correct");
  if (correct && !result.n) fail("the result has \"correct\" without \"n\"");
  if (correct && *correct > *result.n)
    fail("\"correct\" is " + grouped(*correct) + " of n = " + grouped(*result.n));
  if (correct) result.counts = Accuracy{*correct, *result.n};

  if (const fs::path file = file_at(json, "per_example", folder); !file.empty()) {
    result.per_example = read_per_example(file);
    const auto rows = static_cast<std::int64_t>(result.per_example.size());
    if (rows != result.n.value_or(rows))
      fail("\"per_example\" has " + grouped(rows) + " examples, n is " + grouped(*result.n));
    const auto right = std::ranges::count(result.per_example, true);
    if (result.counts && right != result.counts->correct)
      fail("\"per_example\" has " + grouped(right) + " right, \"correct\" says " +
           grouped(result.counts->correct));
    result.n = rows;
    result.counts = Accuracy{right, rows};
  }
  if (const fs::path file = file_at(json, "logits", folder); !file.empty()) {
    const NpyArray logits = array_at(file, "logits");
    if (logits.shape.size() != 2) fail("\"logits\" has one dimension, expected n x classes");
    if (logits.shape[0] != result.n.value_or(logits.shape[0]))
      fail("\"logits\" has " + grouped(logits.shape[0]) + " rows, n is " + grouped(*result.n));
    if (std::ranges::any_of(logits.values, [](double x) { return std::isnan(x); }))
      fail("\"logits\" holds NaN");
    result.n = logits.shape[0];
    result.logits = file;
  }
  return result;
}

}  // namespace stockpot
