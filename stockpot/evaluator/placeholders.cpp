#include "stockpot/evaluator/placeholders.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "stockpot/base/hash.h"

namespace stockpot {
namespace {

constexpr std::array<std::string_view, 5> kPlaceholders = {
    "{model_dir}", "{model_file}", "{result_json}", "{candidate}", "{seed}"};

std::string value_of(std::string_view placeholder, const Places& places) {
  if (placeholder == "{model_dir}") return places.model.folder.native();
  if (placeholder == "{model_file}") return places.model.file.native();
  if (placeholder == "{result_json}") return places.result.native();
  if (placeholder == "{candidate}") return places.model.name;
  return std::to_string(places.seed);
}

// The folder when there is one: it holds the file.
const fs::path& model_of(const Places& places) {
  return places.model.folder.empty() ? places.model.file : places.model.folder;
}

}  // namespace

std::vector<std::string> placeholders_in(const std::string& word) {
  std::vector<std::string> found;
  for (const std::string_view placeholder : kPlaceholders)
    if (word.find(placeholder) != std::string::npos) found.emplace_back(placeholder);
  return found;
}

bool any_has(const std::vector<std::string>& words, const std::string& placeholder) {
  return std::ranges::any_of(
      words, [&](const std::string& word) { return word.find(placeholder) != std::string::npos; });
}

std::string filled_in(const std::string& word, const Places& places) {
  std::string text;
  for (std::size_t at = 0; at < word.size();) {
    const std::string_view rest = std::string_view(word).substr(at);
    const auto* const found = std::ranges::find_if(
        kPlaceholders, [&](std::string_view placeholder) { return rest.starts_with(placeholder); });
    if (found == kPlaceholders.end()) {
      text += word[at++];
    } else {
      text += value_of(*found, places);
      at += found->size();
    }
  }
  return text;
}

std::vector<std::string> protocol_environment(const Places& places) {
  return {"STOCKPOT_EVALUATOR_PROTOCOL=1", "STOCKPOT_MODEL=" + model_of(places).native(),
          "STOCKPOT_RESULT=" + places.result.native(), "STOCKPOT_CANDIDATE=" + places.model.name,
          "STOCKPOT_SEED=" + std::to_string(places.seed)};
}

std::string request_line(std::int64_t id, const Places& places) {
  Json request = Json::object({{"id", id},
                               {"model", model_of(places).native()},
                               {"result", places.result.native()},
                               {"candidate", places.model.name},
                               {"seed", places.seed}});
  if (!places.model.folder.empty()) request.set("model_dir", places.model.folder.native());
  if (!places.model.file.empty()) request.set("model_file", places.model.file.native());
  return request.dump();
}

std::string file_stem_of(const EvaluatedModel& model) {
  constexpr std::size_t kLongest = 60;
  std::string stem;
  for (const char c : model.name.substr(0, kLongest))
    stem += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return stem + "-" + sha256(model.name + "\n" + model.hash).substr(0, 10);
}

}  // namespace stockpot
