#include "cli/learned_text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/write_commands.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/base/version.h"
#include "stockpot/blend/optimizers.h"
#include "stockpot/landscape/words.h"

namespace stockpot::cli {
namespace {

constexpr std::size_t kShown = 10;  // models in the table

Json score_json(const LearnedScore& score) {
  return Json::object({{"name", score.name},
                       {"loss", score.loss ? Json(*score.loss) : Json(nullptr)},
                       {"correct", score.accuracy.correct},
                       {"total", score.accuracy.total},
                       {"accuracy", score.accuracy.value()}});
}

std::vector<double> numbers_of(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list.items()) values.push_back(value.as_number());
  return values;
}

std::string coefficient(double value) { return fixed(value, 4); }

// The models by the mean of their coefficients, largest first.
std::string coefficients_text(const Json& result, std::size_t width) {
  const auto& models = result.find("models")->items();
  const auto& rows = result.find("rows")->items();
  const std::vector<double> mean = numbers_of(*result.find("mean"));
  std::vector<std::filesystem::path> paths;
  for (const Json& model : models) paths.emplace_back(model.find("path")->as_string());
  const std::vector<std::string> names = landscape::model_names(paths);
  std::vector<std::size_t> order(models.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return mean[a] > mean[b]; });
  std::vector<TextColumn> columns{{"model", false, true}, {"weight", true}};
  if (rows.size() > 1)
    columns.insert(columns.end(), {{"least", true}, {"most", true}, {"most in"}});
  TextTable table(columns);
  for (std::size_t place = 0; place < std::min(order.size(), kShown); ++place) {
    const std::size_t model = order[place];
    std::vector<std::string> cells{printable(names[model]), coefficient(mean[model])};
    if (rows.size() > 1) {
      double least = mean[model], most = -std::numeric_limits<double>::infinity();
      std::string where;
      for (const Json& row : rows) {
        const double value = row.find("alpha")->items()[model].as_number();
        least = std::min(least, value);
        if (value > most) where = row.find("name")->as_string();
        most = std::max(most, value);
      }
      cells.insert(cells.end(), {coefficient(least), coefficient(most), printable(where)});
    }
    table.add(cells);
  }
  std::string text = table.text(width);
  if (order.size() > kShown)
    text += "  and " + std::to_string(order.size() - kShown) + " more below " +
            coefficient(mean[order[kShown - 1]]) + "\n";
  return text;
}

std::string scores_text(const Json& result, std::size_t width) {
  TextTable table(
      {{"held-out", false, true}, {"loss", true}, {"accuracy", true}, {"correct", true}});
  for (const char* name : {"held_out", "uniform", "best_single"}) {
    const Json& score = *result.find(name);
    if (score.is_null()) continue;
    const Json& loss = *score.find("loss");
    table.add({printable(score.find("name")->as_string()),
               loss.is_null() ? "" : fixed(loss.as_number(), 4),
               fixed(100 * score.find("accuracy")->as_number(), 2) + " %",
               grouped(score.find("correct")->as_integer()) + "/" +
                   grouped(score.find("total")->as_integer())});
  }
  return table.text(width);
}

}  // namespace

Json learned_json(const LearnedFacts& facts) {
  Json models = Json::array(), rows = Json::array();
  for (std::size_t i = 0; i < facts.models.size(); ++i)
    models.push(Json::object({{"path", facts.models[i]}, {"content", facts.keys[i]}}));
  const std::size_t k = facts.models.size();
  double effective = 0, elements = 0;
  for (std::size_t row = 0; row < facts.rows.size(); ++row) {
    const auto alpha = std::span(facts.alpha).subspan(row * k, k);
    const double models_here = effective_models(alpha);
    effective += models_here * static_cast<double>(facts.elements[row]);
    elements += static_cast<double>(facts.elements[row]);
    rows.push(Json::object({{"name", facts.rows[row]},
                            {"elements", facts.elements[row]},
                            {"effective_models", models_here},
                            {"alpha", numbers_json(alpha)}}));
  }
  return Json::object({{"schema_version", 1},
                       {"stockpot", std::string(kVersion)},
                       {"command", "soup learned"},
                       {"settings", facts.settings},
                       {"start", facts.start},
                       {"models", std::move(models)},
                       {"rows", std::move(rows)},
                       {"mean", numbers_json(mean_row(facts.alpha, k, facts.elements))},
                       {"effective_models", effective / elements},
                       {"beta", facts.beta},
                       {"steps", facts.steps},
                       {"losses", numbers_json(facts.losses)},
                       {"held_out", score_json(facts.learned)},
                       {"uniform", score_json(facts.uniform)},
                       {"best_single", facts.best ? score_json(*facts.best) : Json(nullptr)},
                       {"notes", json_list(facts.notes)},
                       {"model", facts.model},
                       {"identity", facts.identity}});
}

std::string learned_text(const Json& result, std::size_t width) {
  const Json& settings = *result.find("settings");
  const auto word = [&](const char* name) { return settings.find(name)->as_string(); };
  const std::size_t models = result.find("models")->items().size();
  std::string text = "soup learned of " + std::to_string(models) + " models: " + word("form") +
                     " coefficients, " + word("rows") + ", " + word("optimizer") + "\n\n" +
                     coefficients_text(result, width) + "\n";
  text += "As if " + fixed(result.find("effective_models")->as_number(), 1) + " of " +
          std::to_string(models) + " models had equal weights (exp of the entropy); logits times " +
          fixed(result.find("beta")->as_number(), 3) + "\n\n" + scores_text(result, width) + "\n";
  for (const Json& note : result.find("notes")->items())
    text += "Note: " + printable(note.as_string()) + "\n";
  return text + "Written to " + printable(result.find("model")->as_string()) + "\n";
}

}  // namespace stockpot::cli
