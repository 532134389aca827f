// Task vectors for people and as JSON.
#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/landscape/task_angles.h"
#include "stockpot/landscape/words.h"

namespace stockpot::landscape {
namespace {

constexpr std::size_t kPairsShown = 20;

std::string model_table(const TaskAngles& angles, std::size_t width) {
  TextTable table({{"model", false, true},
                   {"|tau|", true},
                   {"|tau|/|base|", true},
                   {"least angle", true},
                   {"median", true},
                   {"most", true}});
  for (std::size_t i = 0; i < angles.names.size(); ++i) {
    const AngleSpread to_others = spread_of(angles.whole, i);
    table.add({angles.names[i], significant(angles.whole.norm(i), 4),
               significant(angles.whole.relative_norm(i), 3), degrees_text(to_others.least),
               degrees_text(to_others.median), degrees_text(to_others.most)});
  }
  return table.text(width);
}

double mean_norm(const TaskGram& gram) {
  double sum = 0;
  for (std::size_t i = 0; i < gram.models(); ++i) sum += gram.norm(i);
  return sum / static_cast<double>(gram.models());
}

std::string block_table(const TaskAngles& angles, std::size_t width) {
  TextTable table({{"block", false, true},
                   {"numbers", true},
                   {"mean |tau|", true},
                   {"least angle", true},
                   {"median", true},
                   {"most", true}});
  for (const TaskBlock& block : angles.blocks) {
    const AngleSpread pairs = spread(block.gram);
    table.add({printable(block.name) + (block.head ? " (head)" : ""), grouped(block.elements),
               significant(mean_norm(block.gram), 4), degrees_text(pairs.least),
               degrees_text(pairs.median), degrees_text(pairs.most)});
  }
  return table.text(width);
}

std::string gain_table(const TaskAngles& angles, const GainStudy& gains, std::size_t width) {
  std::vector<TextColumn> columns = {{"pair", false, true}, {"angle", true}};
  for (const std::string& set : gains.sets) columns.push_back({printable(set), true});
  TextTable table(columns);
  std::vector<const PairGain*> order;
  for (const PairGain& pair : gains.pairs) order.push_back(&pair);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [](const PairGain* pair) { return pair->angle; });
  for (std::size_t place = 0; place < std::min(kPairsShown, order.size()); ++place) {
    const PairGain& pair = *order[place];
    std::vector<std::string> cells = {angles.names[pair.i] + " + " + angles.names[pair.j],
                                      degrees_text(pair.angle)};
    for (const double gain : pair.gains) cells.push_back(points_text(gain));
    table.add(std::move(cells));
  }
  std::vector<std::string> rank = {"rank correlation", ""};
  for (const double value : gains.rank) rank.push_back(number_text(value));
  table.add(std::move(rank));
  std::string text = table.text(width);
  if (order.size() > kPairsShown)
    text += "  " + std::to_string(order.size() - kPairsShown) + " pairs more; --json has all\n";
  return text;
}

Json matrix_json(const TaskGram& gram, double (TaskGram::*entry)(std::size_t, std::size_t) const) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < gram.models(); ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < gram.models(); ++j) row.push((gram.*entry)(i, j));
    rows.push(std::move(row));
  }
  return rows;
}

Json gram_json(const TaskGram& gram) {
  Json norms = Json::array(), relative = Json::array();
  for (std::size_t i = 0; i < gram.models(); ++i) {
    norms.push(gram.norm(i));
    relative.push(gram.relative_norm(i));
  }
  const AngleSpread pairs = spread(gram);
  return Json::object({{"norms", norms},
                       {"relative_norms", relative},
                       {"uniform_soup_norm", gram.soup_norm()},
                       {"median_angle", pairs.median},
                       {"gram", matrix_json(gram, &TaskGram::product)},
                       {"cosines", matrix_json(gram, &TaskGram::cosine)},
                       {"angles", matrix_json(gram, &TaskGram::angle)}});
}

Json gains_json(const GainStudy& gains) {
  Json sets = Json::array(), pairs = Json::array();
  for (std::size_t set = 0; set < gains.sets.size(); ++set)
    sets.push(Json::object({{"set", gains.sets[set]},
                            {"rank_correlation", gains.rank[set]},
                            {"correlation", gains.pearson[set]}}));
  for (const PairGain& pair : gains.pairs) {
    Json by_set = Json::object({});
    for (std::size_t set = 0; set < gains.sets.size(); ++set)
      by_set.set(gains.sets[set], pair.gains[set]);
    pairs.push(Json::object({{"i", static_cast<std::int64_t>(pair.i)},
                             {"j", static_cast<std::int64_t>(pair.j)},
                             {"angle", pair.angle},
                             {"gain", by_set}}));
  }
  return Json::object({{"all_pairs", static_cast<std::int64_t>(gains.all_pairs)},
                       {"sets", sets},
                       {"pairs", pairs}});
}

}  // namespace

std::string angles_text(const TaskAngles& angles, const GainStudy* gains, std::size_t width) {
  const AngleSpread pairs = spread(angles.whole);
  std::string text = "Task vectors of " + std::to_string(angles.names.size()) + " models from " +
                     printable(angles.base.string()) + ": " + grouped(angles.elements) +
                     " numbers; angles in degrees\n\n" + model_table(angles, width) +
                     "\n  All pairs: " + degrees_text(pairs.least) + " to " +
                     degrees_text(pairs.most) + ", median " + degrees_text(pairs.median) +
                     "; the uniform soup lies " + significant(angles.whole.soup_norm(), 4) +
                     " from the base\n\nBy block\n\n" + block_table(angles, width);
  if (gains != nullptr)
    text +=
        "\nAngle against the gain of the mean of two models: its accuracy minus the mean of "
        "theirs, in points (" +
        std::to_string(gains->pairs.size()) + " of " + std::to_string(gains->all_pairs) +
        " pairs)\n\n" + gain_table(angles, *gains, width);
  for (const std::string& note : angles.notes) text += "\nnote: " + note + "\n";
  return text;
}

Json to_json(const TaskAngles& angles, const GainStudy* gains) {
  Json models = Json::array(), blocks = Json::array(), notes = Json::array();
  for (std::size_t i = 0; i < angles.names.size(); ++i)
    models.push(Json::object({{"name", angles.names[i]}, {"path", angles.paths[i].string()}}));
  for (const TaskBlock& block : angles.blocks) {
    Json json =
        Json::object({{"name", block.name}, {"head", block.head}, {"elements", block.elements}});
    const Json gram = gram_json(block.gram);
    for (const auto& [name, value] : gram.members()) json.set(name, value);
    blocks.push(std::move(json));
  }
  for (const std::string& note : angles.notes) notes.push(note);
  return Json::object({{"schema_version", 1},
                       {"base", angles.base.string()},
                       {"models", models},
                       {"elements", angles.elements},
                       {"whole", gram_json(angles.whole)},
                       {"blocks", blocks},
                       {"gains", gains == nullptr ? Json() : gains_json(*gains)},
                       {"notes", notes}});
}

}  // namespace stockpot::landscape
