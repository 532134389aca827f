// plane A B C: error and loss around three models in weight space.
#include <limits>

#include "cli/analysis_page.h"
#include "cli/analysis_work.h"
#include "cli/plane_page.h"
#include "cli/torch_commands.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/tiles.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

double number_in(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.as_number();
}

// Errors and losses at a place, [error, loss] by set in the ledger.
MeasuredPoint measured(AnalysisWork& work, const PlaneFrame& frame, const std::string& name,
                       PlanePoint place) {
  const Json values = work.measured(name, [&] {
    const std::array<double, 3> weights = frame.weights(place);
    Json list = Json::array();
    for (const Predictions& predictions : work.mixtures().on_all(weights))
      list.push(
          Json::Array{1 - accuracy(predictions).value(), negative_log_likelihood(predictions)});
    return list;
  });
  MeasuredPoint point;
  point.place = place;
  for (const Json& value : values.items())
    point.scores.push_back({number_in(value.items().at(0)), number_in(value.items().at(1))});
  return point;
}

}  // namespace

int cmd_plane(const PlaneArgs& args, const CommandLine& line) {
  check_analysis_place(args.place, "plane");
  TerminalProgress progress(line.quiet);
  const std::vector<fs::path> models(args.models.begin(), args.models.end());
  const Json settings = Json::object({{"grid", args.grid}, {"margin", args.margin}});
  AnalysisWork work({"plane", models, settings}, args.sets, args.place, true, line, progress);
  const std::vector<Checkpoint>& opened = work.mixtures().checkpoints();
  for (const Checkpoint& model : opened) require_finite(model);
  const PlaneFrame frame(measure_triangle(opened[0], opened[1], opened[2]));
  const PlaneGrid grid = PlaneGrid::around(frame, args.grid, args.margin);
  if (args.place.plan_only) {
    std::vector<std::string> plan = work.plan();
    plan.push_back("score  " + grouped(grid.size()) +
                   " points of the grid, the three models and "
                   "their uniform soup");
    print_analysis_plan("plane", plan, line);
    return 0;
  }
  Plane plane{{}, {}, frame, grid, work.set_names(), {}, {}, {}, work.notes()};
  for (std::size_t i = 0; i < 3; ++i) {
    plane.names[i] = work.names()[i];
    plane.paths[i] = models[i].string();
  }
  for (std::size_t set = 0; set < work.sets().size(); ++set)
    if (work.sets()[set].role == SetRole::ood) plane.ood.push_back(set);
  const auto add_anchor = [&](const std::string& name, const std::string& key, PlanePoint place) {
    plane.anchors.push_back(measured(work, frame, key, place));
    plane.anchors.back().name = name;
  };
  const char* const keys[] = {"A", "B", "C"};
  for (std::size_t i = 0; i < 3; ++i) add_anchor(plane.names[i], keys[i], frame.anchors()[i]);
  add_anchor("uniform soup", "soup", frame.centroid());
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    plane.points.push_back(measured(work, frame, std::to_string(i), grid.at(i)));
    if ((i + 1) % 10 == 0) progress.say("point " + grouped(i + 1) + " of " + grouped(grid.size()));
  }
  publish_analysis(args.place, "plane", to_json(plane), plane_page(plane),
                   plane_text(plane, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
