#include "stockpot/theory/study_json.h"

#include <string_view>

#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/theory/flow.h"
#include "stockpot/theory/study_text.h"

namespace stockpot::theory {
namespace {

std::string_view words(FlowEnd end) {
  switch (end) {
    case FlowEnd::converged:
      return "converged";
    case FlowEnd::stationary:
      return "stationary";
    case FlowEnd::out_of_steps:
      break;
  }
  return "out_of_steps";
}

template <typename List, typename Convert>
Json list(const List& values, const Convert& convert) {
  Json json = Json::array();
  for (const auto& value : values) json.push(convert(value));
  return json;
}

Json numbers(const std::vector<double>& values) {
  return list(values, [](double value) { return Json(value); });
}

Json json_of(const ToyPoint& point) {
  return Json::object({{"v", point.head}, {"b1", point.feature}, {"ood", point.ood}});
}

Json json_of(const ToyRow& row) {
  return Json::object({{"v0", row.start},
                       {"exact", json_of(row.exact)},
                       {"flow", json_of(row.by_flow)},
                       {"descent", json_of(row.by_descent)}});
}

Json json_of(const MethodResult& result) {
  return Json::object({{"ood", result.losses.ood},
                       {"id", result.losses.id},
                       {"training", result.losses.training},
                       {"lowest_ood", result.lowest_ood},
                       {"steps", result.steps},
                       {"end", words(result.how)}});
}

Json json_of(const Run& run) {
  Json json = Json::object({{"seed", run.options.seed},
                            {"eps", run.geometry.eps},
                            {"phi_squared", run.geometry.phi_squared},
                            {"cos_span", run.geometry.cos_span},
                            {"cos_off_span", run.geometry.cos_off_span},
                            {"bound", run.geometry.bound},
                            {"bound_holds", run.bound_holds()}});
  for (const Method method : kMethods) json.set(name_of(method), json_of(run.of(method)));
  return json;
}

Json json_of(const ProblemOptions& options) {
  return Json::object({{"dimension", options.dimension},
                       {"features", options.features},
                       {"subspace", options.subspace},
                       {"examples", options.examples > 0 ? options.examples : options.subspace},
                       {"eps", options.eps},
                       {"phi", options.phi ? Json(*options.phi) : Json()},
                       {"sigma", options.sigma}});
}

Json json_of(const Point& point) {
  Json means = Json::object();
  for (const Method method : kMethods)
    means.set(name_of(method),
              Json::object({{"ood", point.mean_ood(method)}, {"id", point.mean_id(method)}}));
  return Json::object({{"setting", json_of(point.options)},
                       {"mean", std::move(means)},
                       {"runs", list(point.runs, [](const Run& run) { return json_of(run); })}});
}

Json json_of(const Sweep& sweep) {
  Json json = Json::object({{"over", name_of(sweep.preset)}});
  json.set("points", list(sweep.points, [](const Point& point) { return json_of(point); }));
  return json;
}

Json json_of(const DescentCheck& check) {
  return Json::object({{"step", check.step},
                       {"relative_change", check.relative_change},
                       {"off_span", check.off_span},
                       {"imbalance", check.imbalance},
                       {"most_steps", check.most_steps},
                       {"converged", check.converged},
                       {"diverged", check.diverged}});
}

Json json_of(const TimeStudy& study) {
  Json json = Json::object({{"times", numbers(study.times)}});
  for (const Method method : kMethods) {
    const auto i = static_cast<std::size_t>(method);
    json.set(name_of(method),
             Json::object({{"ood", numbers(study.ood[i])}, {"id", numbers(study.id[i])}}));
  }
  json.set("point", json_of(study.point));
  json.set("descent",
           list(study.descents, [](const DescentCheck& check) { return json_of(check); }));
  return json;
}

void add_lines(std::string& csv, std::string_view preset, const Point& point) {
  const ProblemOptions& options = point.options;
  const std::string setting = join(
      std::vector<std::string>{
          std::string(preset), std::to_string(options.dimension), std::to_string(options.features),
          std::to_string(options.subspace),
          std::to_string(options.examples > 0 ? options.examples : options.subspace),
          shortest(options.eps), options.phi ? shortest(*options.phi) : "", shortest(options.sigma),
          ""},
      ",");
  for (const Run& run : point.runs)
    for (const Method method : kMethods) {
      const MethodResult& result = run.of(method);
      csv += setting + std::to_string(run.options.seed) + ",," + std::string(name_of(method));
      for (const double value :
           {result.losses.ood, result.losses.id, result.lowest_ood, run.geometry.bound,
            run.geometry.phi_squared, run.geometry.cos_span, run.geometry.cos_off_span})
        csv += "," + shortest(value);
      csv += "," + std::to_string(result.steps) + "," + std::string(words(result.how)) + "\n";
    }
}

}  // namespace

Json to_json(const Study& study) {
  const StudyOptions& options = study.options;
  const FlowOptions flow;
  Json json = Json::object({{"schema_version", 1}, {"command", "theory"}, {"stockpot", kVersion}});
  json.set("presets",
           list(options.presets, [](StudyPreset preset) { return Json(name_of(preset)); }));
  json.set("first_seed", options.base.seed);
  json.set("seeds", options.seeds);
  json.set("tolerance", Json::object({{"relative", flow.relative_tolerance},
                                      {"absolute", flow.absolute_tolerance},
                                      {"stop_at", flow.stop_at}}));
  if (!study.toy.empty())
    json.set(
        "toy",
        Json::object({{"angle_degrees", kToyAngle},
                      {"descent_step", kToyStep},
                      {"rows", list(study.toy, [](const ToyRow& row) { return json_of(row); })}}));
  json.set("sweeps", list(study.sweeps, [](const Sweep& sweep) { return json_of(sweep); }));
  if (!study.time.empty()) json.set("time", json_of(study.time.front()));
  json.set("reading", list(reading(study), [](const std::string& line) { return Json(line); }));
  return json;
}

std::string to_csv(const Study& study) {
  std::string csv =
      "preset,dimension,features,subspace,examples,eps,phi,sigma,seed,v0,method,ood,id,lowest_ood,"
      "bound,phi_squared,cos_span,cos_off_span,steps,end\n";
  for (const ToyRow& row : study.toy)
    csv += "toy,2,1,1,1,0,,,," + shortest(row.start) + ",FT," + shortest(row.exact.ood) +
           ",0,,,,,,,closed_form\n";
  for (const Sweep& sweep : study.sweeps)
    for (const Point& point : sweep.points) add_lines(csv, name_of(sweep.preset), point);
  for (const TimeStudy& time : study.time) add_lines(csv, name_of(StudyPreset::time), time.point);
  return csv;
}

}  // namespace stockpot::theory
