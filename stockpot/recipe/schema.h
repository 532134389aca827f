// The JSON schema of recipes, from the tables that read them (keys.h).
#pragma once

#include "stockpot/base/json.h"

namespace stockpot {

// JSON schema, draft 2020-12. What it cannot say, such as that files exist, that a search
// needs the linear probe or that a setting fits another, only reading a recipe tells.
Json recipe_schema();

}  // namespace stockpot
