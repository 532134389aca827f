// A recipe with everything written out: defaults, presets, bases and overrides.
#pragma once

#include <string>

#include "stockpot/base/json.h"
#include "stockpot/recipe/recipe.h"

namespace stockpot {

// Every key with its value; paths are absolute. Read again, it gives the same recipe.
Json resolved(const Recipe& recipe);
// The same as YAML, with the same text for the same recipe. `origins`: behind each value,
// where it was written, or "default".
std::string resolved_yaml(const Recipe& recipe, bool origins = false);
// Where the value of a key of resolved() was written: of the key itself, or of a shorter form
// that stands for it, as `model: FOLDER` does for model.from; "default" where it was not.
std::string origin_of(const Recipe& recipe, const std::string& path);

}  // namespace stockpot
