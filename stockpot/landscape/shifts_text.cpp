// A study of shifts for people and as JSON.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/landscape/shifts.h"
#include "stockpot/landscape/words.h"

namespace stockpot::landscape {
namespace {

std::string set_name(const SetShift& shift) {
  return shift.set.empty() ? "mean OOD" : printable(shift.set);
}

// The most robust first; models without a place on the line last.
std::vector<std::size_t> by_robustness(const SetShift& shift) {
  std::vector<std::size_t> order(shift.effective.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    const double x = shift.effective[a], y = shift.effective[b];
    return std::isnan(y) ? !std::isnan(x) : x > y;
  });
  return order;
}

std::string model_table(const ShiftStudy& study, std::size_t width, std::size_t rows) {
  const SetShift& shift = study.sets.front();
  TextTable table({{"model", false, true},
                   {"kind"},
                   {"lr", true},
                   {"ID", true},
                   {set_name(shift), true},
                   {"drop", true},
                   {"effective", true}});
  const std::vector<std::size_t> order = by_robustness(shift);
  for (std::size_t place = 0; place < std::min(rows, order.size()); ++place) {
    const std::size_t i = order[place];
    const ShiftModel& model = study.table.models[i];
    table.add({printable(model.name), printable(model.kind),
               model.learning_rate ? significant(*model.learning_rate, 3) : "",
               percent_text(model.id.accuracy), percent_text(shift.accuracy[i]),
               points_text(model.id.accuracy - shift.accuracy[i]),
               points_text(shift.effective[i])});
  }
  std::string text = table.text(width);
  if (order.size() > rows)
    text += "  and " + std::to_string(order.size() - rows) + " more; --json has all\n";
  return text;
}

std::string set_table(const ShiftStudy& study, std::size_t width) {
  TextTable table({{"set", false, true},
                   {"slope", true},
                   {"R2", true},
                   {"correlation", true},
                   {"by rank", true}});
  for (const SetShift& shift : study.sets)
    table.add({set_name(shift), shift.line ? number_text(shift.line->slope) : "-",
               shift.line ? number_text(shift.line->r2) : "-", number_text(shift.pearson),
               number_text(shift.spearman)});
  return table.text(width);
}

std::string rate_table(const RateStudy& rates, std::size_t width) {
  TextTable table({{"learning rate"}, {"runs", true}, {"ID", true}, {"OOD", true}, {"drop", true}});
  for (const RateBin& bin : rates.bins)
    table.add({significant(std::pow(10, bin.low), 2) + " to " +
                   significant(std::pow(10, bin.low + 0.5), 2),
               std::to_string(bin.runs), percent_text(bin.id), percent_text(bin.ood),
               points_text(bin.id - bin.ood)});
  return table.text(width);
}

Json json_of(const RateStudy& rates) {
  Json bins = Json::array();
  for (const RateBin& bin : rates.bins)
    bins.push(Json::object({{"low", std::pow(10, bin.low)},
                            {"high", std::pow(10, bin.low + 0.5)},
                            {"runs", bin.runs},
                            {"id", bin.id},
                            {"ood", bin.ood},
                            {"drop", bin.id - bin.ood}}));
  return Json::object({{"runs", rates.runs},
                       {"correlation_id", rates.id},
                       {"correlation_ood", rates.ood},
                       {"correlation_drop", rates.drop},
                       {"rank_correlation_drop", rates.drop_spearman},
                       {"bins", bins}});
}

}  // namespace

std::vector<std::string> reading(const ShiftStudy& study) {
  std::vector<std::string> sentences;
  const SetShift& shift = study.sets.front();
  if (std::isfinite(shift.pearson))
    sentences.push_back(
        "Over the " +
        std::to_string(std::ranges::count_if(study.table.models, &ShiftModel::single)) +
        " single models ID and " + set_name(shift) + " accuracy have a correlation of " +
        number_text(shift.pearson) +
        (std::abs(shift.pearson) < 0.5 ? ": ID accuracy says little about which of them is robust."
                                       : "."));
  if (study.rates && std::isfinite(study.rates->drop))
    sentences.push_back(
        "The drop from ID to OOD and log10 of the learning rate have a correlation "
        "of " +
        number_text(study.rates->drop) + " over " + std::to_string(study.rates->runs) + " runs.");
  if (!shift.line) {
    sentences.emplace_back(
        "No line could be fitted: it takes three single models whose ID "
        "accuracies differ.");
    return sentences;
  }
  const std::size_t best = by_robustness(shift).front();
  sentences.push_back(printable(study.table.models[best].name) +
                      " has the most OOD accuracy for "
                      "its ID accuracy: " +
                      points_text(shift.effective[best]) +
                      " points from the line of the single models.");
  return sentences;
}

std::string shifts_text(const ShiftStudy& study, std::size_t width, std::size_t rows) {
  std::string text = "ID: " + printable(study.table.id_set) +
                     "; accuracies in %, drop and effective robustness in points\n\n" +
                     model_table(study, width, rows) + "\nOOD against ID on " +
                     std::string(name_of(study.scale)) + " axes, single models\n\n" +
                     set_table(study, width);
  if (study.rates)
    text += "\nLearning rate against the drop from ID to " + set_name(study.sets.front()) + "\n\n" +
            rate_table(*study.rates, width);
  text += "\n";
  for (const std::string& sentence : reading(study)) text += sentence + "\n";
  return text;
}

Json to_json(const ShiftStudy& study) {
  Json models = Json::array(), sets = Json::array(), sentences = Json::array();
  for (std::size_t i = 0; i < study.table.models.size(); ++i) {
    const ShiftModel& model = study.table.models[i];
    Json ood = Json::object({}), effective = Json::object({});
    for (std::size_t set = 0; set < model.ood.size(); ++set)
      ood.set(study.table.ood_sets[set], model.ood[set].accuracy);
    for (const SetShift& shift : study.sets)
      effective.set(shift.set.empty() ? "mean" : shift.set, shift.effective[i]);
    models.push(
        Json::object({{"name", model.name},
                      {"kind", model.kind},
                      {"single", model.single},
                      {"learning_rate", model.learning_rate ? Json(*model.learning_rate) : Json()},
                      {"id", model.id.accuracy},
                      {"ood", ood},
                      {"mean_ood", study.mean_ood(i)},
                      {"drop", model.id.accuracy - study.mean_ood(i)},
                      {"effective_robustness", effective}}));
  }
  for (const SetShift& shift : study.sets) {
    Json line;
    if (shift.line)
      line = Json::object({{"slope", shift.line->slope},
                           {"intercept", shift.line->intercept},
                           {"r2", shift.line->r2},
                           {"models", shift.line->points}});
    sets.push(Json::object({{"set", shift.set.empty() ? Json("mean") : Json(shift.set)},
                            {"line", line},
                            {"correlation", shift.pearson},
                            {"rank_correlation", shift.spearman}}));
  }
  for (const std::string& sentence : reading(study)) sentences.push(sentence);
  return Json::object({{"schema_version", 1},
                       {"id_set", study.table.id_set},
                       {"axes", std::string(name_of(study.scale))},
                       {"models", models},
                       {"sets", sets},
                       {"learning_rate", study.rates ? json_of(*study.rates) : Json()},
                       {"reading", sentences}});
}

}  // namespace stockpot::landscape
