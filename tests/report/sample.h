// A made-up run for the tests of the report: the numbers mean nothing.
#pragma once

#include "stockpot/report/run_report.h"

namespace stockpot {

// One seed: LP, two ways of FT, LP-FT, eight search runs, two soups and an ensemble over a
// held-out set, an ID set and three OOD sets.
RunReport sample_report();

// The same methods without the search, over three seeds.
RunReport sample_of_three_seeds();

// Names as hostile folders could have them, everywhere that a name is shown.
RunReport hostile_report();

}  // namespace stockpot
