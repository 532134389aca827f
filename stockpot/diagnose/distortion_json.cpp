#include "stockpot/diagnose/distortion_json.h"

#include "stockpot/diagnose/reading.h"

namespace stockpot::diagnose {
namespace {

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json json_of(const PercentileInterval& interval) {
  return Json(Json::Array{interval.low, interval.high});
}

Json json_of(const Counts& counts) {
  return Json::object(
      {{"right", counts.right}, {"total", counts.total}, {"share", counts.share()}});
}

Json json_of(const SpanRelation& spans) {
  return Json::object({{"mean_cosine", spans.mean_cosine},
                       {"smallest_cosine", spans.smallest_cosine},
                       {"largest_degrees", spans.largest_degrees}});
}

Json json_of(const DistortionHead& head) {
  Json json = Json::object({{"norm", head.norm}, {"change", Json()}});
  if (!head.change) return json;
  const HeadChange& change = *head.change;
  Json cosines = Json::array();
  for (const double cosine : change.class_cosines) cosines.push(cosine);
  json.set("change", Json::object({{"cosine", change.cosine},
                                   {"class_cosines", cosines},
                                   {"relative_change", change.relative_change},
                                   {"row_span_mean_cosine", change.mean_cosine},
                                   {"row_span_largest_degrees", change.largest_degrees}}));
  return json;
}

Json json_of(const SetFeatures& features) {
  return Json::object(
      {{"mean_norm", features.mean_norm},
       {"pair_distance", features.pair_distance},
       {"rank", static_cast<std::int64_t>(features.rank)},
       {"class_separation", number(features.separation)},
       {"nearest_mean", json_of(features.nearest_mean)},
       {"accuracy", features.accuracy ? json_of(*features.accuracy) : Json()},
       {"accuracy_interval", features.accuracy ? json_of(features.accuracy_interval) : Json()},
       {"angles_to_id", features.to_id ? json_of(*features.to_id) : Json()},
       {"share_in_id_span", features.share_in_id_span},
       {"mean_shift", features.mean_shift}});
}

Json json_of(const SetMovement& moved) {
  return Json::object(
      {{"mean", moved.mean},
       {"mean_interval", json_of(moved.mean_interval)},
       {"median", moved.median},
       {"root_mean_square", moved.root_mean_square},
       {"over_norm", moved.over_norm},
       {"over_spread", moved.over_spread},
       {"per_dimension", moved.per_dimension},
       {"cka", moved.cka},
       {"angles_to_before", json_of(moved.spans)},
       {"inside_id_span", moved.inside},
       {"common_share", moved.common_share},
       {"head_on_before", json_of(moved.head_on_before)},
       {"id_ratio", number(moved.id_ratio)},
       {"id_ratio_interval", moved.id_ratio ? json_of(moved.id_ratio_interval) : Json()},
       {"gain", number(moved.gain)},
       {"gain_interval", moved.gain ? json_of(moved.gain_interval) : Json()},
       {"to_first", number(moved.to_first)},
       {"to_first_interval", moved.to_first ? json_of(moved.to_first_interval) : Json()}});
}

Json json_of(const std::vector<LayerMovement>& layers) {
  Json list = Json::array();
  for (const LayerMovement& layer : layers)
    list.push(Json::object({{"mean", layer.mean},
                            {"over_norm", layer.over_norm},
                            {"over_spread", layer.over_spread},
                            {"cka", layer.cka}}));
  return list;
}

Json json_of(const DistortionSet& set, bool id, const std::vector<std::string>& names) {
  Json models = Json::array(), movements = Json::array();
  for (std::size_t m = 0; m < set.models.size(); ++m) {
    Json model = json_of(set.models[m]);
    model.set("model", names[m]);
    models.push(std::move(model));
  }
  for (std::size_t a = 0; a < set.movements.size(); ++a) {
    Json moved = json_of(set.movements[a]);
    moved.set("model", names[a + 1]);
    moved.set("layers", set.layers.empty() ? Json() : json_of(set.layers[a]));
    movements.push(std::move(moved));
  }
  return Json::object({{"name", set.name},
                       {"role", id ? "id" : "ood"},
                       {"rows", set.rows},
                       {"classes", set.classes},
                       {"features", models},
                       {"movement", movements}});
}

}  // namespace

Json to_json(const Distortion& distortion) {
  Json models = Json::array(), sets = Json::array(), classes = Json::array(),
       sentences = Json::array();
  for (std::size_t m = 0; m < distortion.models.size(); ++m)
    models.push(
        Json::object({{"name", distortion.models[m]},
                      {"folder", distortion.folders[m]},
                      {"batchnorm_statistics_change", number(distortion.statistics_changes[m])},
                      {"role", m == 0 ? "before" : "after"},
                      {"head", json_of(distortion.heads[m])}}));
  for (const DistortionSet& set : distortion.sets)
    sets.push(json_of(set, &set == &distortion.sets.front(), distortion.models));
  for (const std::string& name : distortion.class_names) classes.push(name);
  for (const std::string& sentence : reading(distortion)) sentences.push(sentence);
  Json widths = Json::array();
  for (const std::int64_t width : distortion.layer_widths) widths.push(width);
  const std::optional<Eigen::Index> rank = distortion.span.rank;
  return Json::object(
      {{"schema_version", 1},
       {"kind", "distortion"},
       {"features", distortion.features},
       {"layer_widths", widths},
       {"classes", classes},
       {"seed", distortion.seed},
       {"replicates", kReplicates},
       {"span", Json::object({{"share", rank ? Json() : Json(distortion.span.share)},
                              {"rank", rank ? Json(static_cast<std::int64_t>(*rank)) : Json()},
                              {"id_rank", static_cast<std::int64_t>(distortion.id_rank)},
                              {"id_share", distortion.id_share}})},
       {"models", models},
       {"sets", sets},
       {"reading", sentences}});
}

}  // namespace stockpot::diagnose
