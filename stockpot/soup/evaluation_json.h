// Evaluations as the ledger keeps them.
#pragma once

#include "stockpot/metrics/paired_test.h"
#include "stockpot/soup/evaluation.h"

namespace stockpot {

// Everything that is known; members that would say nothing are left out. from_json() gives an
// equal evaluation back, bit for bit.
Json to_json(const Evaluation& evaluation);
// Throws FormatError (without a file name) for what to_json() does not write.
Evaluation evaluation_from_json(const Json& json);

// Value and counts only, for people: {"value", "correct", "total", "stopped"}.
Json brief(const Evaluation& evaluation);

Json to_json(const Geometry& geometry);
Json to_json(const PairedTest& test);

}  // namespace stockpot
