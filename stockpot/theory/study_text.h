// A study for people: its tables, and what they show in plain sentences.
#pragma once

#include <string>
#include <vector>

#include "stockpot/theory/study.h"

namespace stockpot::theory {

struct StudyTable {
  std::string id;     // the preset, "descent" for the check of the flow
  std::string title;  // a sentence without its full stop
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // of numbers, as text
  std::string note;                            // what the columns mean
};

std::vector<StudyTable> tables(const Study& study);

// Each sentence is about numbers of this study; nothing is said that it does not show.
std::vector<std::string> reading(const Study& study);

// All of it for a terminal of that many columns.
std::string study_text(const Study& study, std::size_t width);

// A loss or a ratio with four significant digits: 3.609, 1.22e-04, and "< 1e-20" for what is
// rounding.
std::string brief(double value);

}  // namespace stockpot::theory
