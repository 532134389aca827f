// Strengths that change over the depth of a network.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace stockpot {

// Position of each tensor's block (checkpoint/name_block.h) in its network, 0 (first) to 1
// (last). Blocks whose names differ in their numbers only are ordered by these, so two towers
// have a depth each. Tensors outside of numbered blocks count as first, or as last when they
// belong to the head, a pooler or a norm.
std::vector<double> depths(std::span<const std::string> names);

// The value at `depth` of the line through `points`, which are spread evenly over 0 to 1.
double at_depth(std::span<const double> points, double depth);

}  // namespace stockpot
