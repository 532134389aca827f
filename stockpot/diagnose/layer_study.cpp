#include "stockpot/diagnose/layer_study.h"

#include "stockpot/base/error.h"

namespace stockpot::diagnose {
namespace {

void check(const std::vector<std::vector<LayerRows>>& layers) {
  for (const std::vector<LayerRows>& model : layers) {
    bool same = model.size() == layers.front().size();
    for (std::size_t l = 0; same && l < model.size(); ++l)
      same = model[l].width == layers.front()[l].width;
    if (!same)
      throw FormatError(
          "the models have different layers: movement by layer needs the same architecture before "
          "and after");
  }
}

}  // namespace

void LayerStudy::expect(const std::vector<std::vector<LayerRows>>& layers) {
  if (layers.empty()) return;
  check(layers);
  if (!layers_.empty()) return;
  for (const LayerRows& rows : layers.front())
    layers_.push_back(
        {std::vector(layers.size(), FeatureMoments(rows.width, 1)),
         std::vector(layers.size() - 1, Movement(rows.width, Movement::Directions::left_out))});
}

void LayerStudy::add(std::size_t layer, std::size_t model,
                     const std::vector<std::vector<LayerRows>>& layers, std::size_t rows) {
  const MatrixXd values = matrix_of(layers[model][layer].values, layers[model][layer].width);
  // Classes are not told apart here.
  layers_[layer].moments[model].add(values, std::vector<std::int64_t>(rows, 0));
  if (model > 0)
    layers_[layer].movements[model - 1].add(matrix_of(layers.front()[layer].values, values.cols()),
                                            values);
}

std::vector<std::int64_t> LayerStudy::widths() const {
  std::vector<std::int64_t> widths;
  for (const Layer& layer : layers_) widths.push_back(layer.moments.front().mean().size());
  return widths;
}

std::vector<std::vector<LayerMovement>> LayerStudy::result() const {
  if (layers_.empty()) return {};
  std::vector<std::vector<LayerMovement>> result(layers_.front().movements.size());
  for (std::size_t a = 0; a < result.size(); ++a)
    for (const Layer& layer : layers_) {
      const Movement& moved = layer.movements[a];
      const FeatureMoments &before = layer.moments.front(), &after = layer.moments[a + 1];
      LayerMovement one;
      one.mean = moved.mean_distance();
      one.over_norm = before.mean_norm() > 0 ? one.mean / before.mean_norm() : 0;
      one.over_spread = before.pair_distance() > 0 ? one.mean / before.pair_distance() : 0;
      const bool varies = before.total_scatter() > 0 && after.total_scatter() > 0;
      one.cka = varies ? linear_cka(before.scatter(), after.scatter(), moved.cross()) : 1;
      result[a].push_back(one);
    }
  return result;
}

}  // namespace stockpot::diagnose
