// Feature distortion over the seeds of a study.
#pragma once

#include <span>

#include "stockpot/base/titled_table.h"
#include "stockpot/diagnose/distortion.h"

namespace stockpot {

// Means over the seeds with 95 % intervals of Student's t: how far features moved, on ID against
// each OOD set, and of every later model against the first. seeds: two or more, of the same
// models and sets.
TitledTable over_seeds(std::span<const diagnose::Distortion> seeds);

}  // namespace stockpot
