// Movement at every layer of a network on one set, in a few matrices of width x width a layer.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/diagnose/distortion.h"
#include "stockpot/diagnose/movement.h"

namespace stockpot::diagnose {

class LayerStudy {
 public:
  // Makes room for PairedFeatures::layers, which may be empty. Throws FormatError when models
  // differ in the number or the widths of their layers.
  void expect(const std::vector<std::vector<LayerRows>>& layers);
  std::size_t count() const { return layers_.size(); }
  // One model at one layer, `rows` pictures, after expect(). Calls for different ones may run side
  // by side.
  void add(std::size_t layer, std::size_t model, const std::vector<std::vector<LayerRows>>& layers,
           std::size_t rows);

  std::vector<std::int64_t> widths() const;
  // By AFTER and layer; empty when no layers were added.
  std::vector<std::vector<LayerMovement>> result() const;

 private:
  struct Layer {
    std::vector<FeatureMoments> moments;  // one a model
    std::vector<Movement> movements;      // one an AFTER
  };
  std::vector<Layer> layers_;
};

}  // namespace stockpot::diagnose
