// What a diagnosis says in plain sentences, each with the numbers that say so.
#pragma once

#include <string>
#include <vector>

#include "stockpot/diagnose/distortion.h"

namespace stockpot::diagnose {

// Quality of the features before: the ID accuracy of BEFORE's own head, where it is over these
// classes (a linear probe), or of the nearest class mean, whichever is higher, against the best ID
// accuracy of the models. Rules of thumb, not from the paper.
enum class FeatureQuality { good, middling, weak };  // from 3/4 of it; between; below 1/2
FeatureQuality feature_quality(const Distortion& distortion);

// How far a set lies from ID for the features before: the same rule's accuracy there over that
// on ID.
enum class ShiftSize { near, moderate, far };  // from 0.9; between; below 3/4
ShiftSize shift_size(const Distortion& distortion, const DistortionSet& set);

// Nothing is said that the numbers do not show; text of models and sets is as it came.
std::vector<std::string> reading(const Distortion& distortion);

}  // namespace stockpot::diagnose
