// The blocks of a model, found from its dotted tensor names alone.
#pragma once

#include <string>
#include <string_view>

namespace stockpot {

// The part of a tensor's name up to its layer index: "vit.encoder.layer.3" for
// "vit.encoder.layer.3.output.dense.bias", "stages.0.blocks.1" for what is numbered twice.
// Without an index, at most the first two parts of the module's name: "vit.embeddings", "fc".
std::string block_of(std::string_view tensor_name);

// Orders names as people do: "layer.9" before "layer.10".
bool natural_less(std::string_view a, std::string_view b);

}  // namespace stockpot
