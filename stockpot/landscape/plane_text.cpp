// A measured plane for people and as JSON.
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/landscape/plane.h"
#include "stockpot/landscape/words.h"

namespace stockpot::landscape {
namespace {

std::string place_text(PlanePoint place) {
  return significant(place.x, 4) + ", " + significant(place.y, 4);
}

Json scores_json(const Plane& plane, const MeasuredPoint& point) {
  Json scores = Json::object({});
  for (std::size_t set = 0; set < plane.sets.size(); ++set)
    scores.set(plane.sets[set], Json::object({{"error", point.scores[set].error},
                                              {"loss", point.scores[set].loss}}));
  return scores;
}

Json point_json(const Plane& plane, const MeasuredPoint& point) {
  Json weights = Json::array();
  for (const double weight : plane.frame.weights(point.place)) weights.push(weight);
  return Json::object({{"x", point.place.x},
                       {"y", point.place.y},
                       {"weights", weights},
                       {"scores", scores_json(plane, point)}});
}

std::vector<std::string> score_cells(const MeasuredPoint& point) {
  std::vector<std::string> cells;
  for (const PlaneScore& score : point.scores) {
    cells.push_back(percent_text(score.error));
    cells.push_back(number_text(score.loss));
  }
  return cells;
}

}  // namespace

std::string plane_text(const Plane& plane, std::size_t width) {
  std::vector<TextColumn> columns = {{"point", false, true}, {"x, y"}};
  for (const std::string& set : plane.sets) {
    columns.push_back({printable(set) + " error %", true});
    columns.push_back({"loss", true});
  }
  TextTable table(columns);
  const auto add = [&](const std::string& name, const MeasuredPoint& point) {
    std::vector<std::string> cells = {name, place_text(point.place)};
    for (std::string& cell : score_cells(point)) cells.push_back(std::move(cell));
    table.add(std::move(cells));
  };
  for (const MeasuredPoint& point : plane.anchors) add(point.name, point);
  for (std::size_t set = 0; set < plane.sets.size(); ++set)
    add("best of the grid on " + printable(plane.sets[set]), best_point(plane, set, false));
  std::string text =
      "The plane through " + plane.names[0] + ", " + plane.names[1] + " and " + plane.names[2] +
      ": " + std::to_string(plane.grid.columns) + " x " + std::to_string(plane.grid.rows) +
      " points, " + significant(plane.grid.step, 3) + " apart; the angle at " + plane.names[0] +
      " is " + degrees_text(plane.frame.angle()) + " degrees\n\n" + table.text(width);
  text +=
      "\n  The grid's best points are read off the sets themselves: they show the landscape, "
      "they choose nothing.\n";
  for (const std::string& note : plane.notes) text += "\nnote: " + note + "\n";
  return text;
}

Json to_json(const Plane& plane) {
  Json anchors = Json::array(), points = Json::array(), sets = Json::array(), notes = Json::array();
  for (std::size_t i = 0; i < plane.anchors.size(); ++i) {
    Json point = Json::object({{"name", plane.anchors[i].name}});
    if (i < plane.paths.size()) point.set("path", plane.paths[i]);
    const Json measured = point_json(plane, plane.anchors[i]);
    for (const auto& [name, value] : measured.members()) point.set(name, value);
    anchors.push(std::move(point));
  }
  for (const MeasuredPoint& point : plane.points) points.push(point_json(plane, point));
  for (const std::string& set : plane.sets) sets.push(set);
  for (const std::string& note : plane.notes) notes.push(note);
  return Json::object({{"schema_version", 1},
                       {"sets", sets},
                       {"angle", plane.frame.angle()},
                       {"anchors", anchors},
                       {"grid", Json::object({{"left", plane.grid.left},
                                              {"bottom", plane.grid.bottom},
                                              {"step", plane.grid.step},
                                              {"columns", plane.grid.columns},
                                              {"rows", plane.grid.rows}})},
                       {"points", points},
                       {"notes", notes}});
}

}  // namespace stockpot::landscape
