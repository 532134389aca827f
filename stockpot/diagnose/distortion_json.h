// A diagnosis for programs (docs/diagnose.md lists its members).
#pragma once

#include "stockpot/base/json.h"
#include "stockpot/diagnose/distortion.h"

namespace stockpot::diagnose {

// schema_version 1, kind "distortion". What was not measured is null.
Json to_json(const Distortion& distortion);

}  // namespace stockpot::diagnose
