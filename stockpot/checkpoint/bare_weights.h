// Weights without a config.json, as torchvision and training scripts write them.
#pragma once

#include <optional>
#include <string>

#include "stockpot/checkpoint/model_folder.h"

namespace stockpot {

// config.json as timm would have written it beside these weights: a ResNet of torchvision or timm
// is known by its names and shapes. Classes have no names, and pictures are prepared as by
// torchvision: shortest edge 256, bilinear, centre 224, ImageNet's mean and deviation. Throws
// FormatError naming the path: other tensors, or what Checkpoint::open refuses.
Json config_of_weights(const fs::path& path);

// What was assumed, for people; nothing for a model that has its config.json.
std::optional<std::string> assumed_of(const ModelFolder& model);

}  // namespace stockpot
