// A study for programs: results.json and results.csv (docs/theory.md lists their members).
#pragma once

#include <string>

#include "stockpot/base/json.h"
#include "stockpot/theory/study.h"

namespace stockpot::theory {

Json to_json(const Study& study);

// One line a problem and method, of every sweep and of the time study; the toy's lines have the
// head that it starts from.
std::string to_csv(const Study& study);

}  // namespace stockpot::theory
