#pragma once

#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"

namespace stockpot {

// The notes of several models for a plan, each said once, in the order of their first models:
// "a.pt and 2 more: 'module.' was taken off 8 names".
std::vector<std::string> notes_of_models(std::span<const Checkpoint* const> models);

}  // namespace stockpot
