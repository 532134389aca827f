// A diagnosis for people: tables and sentences, for a terminal and as a section of a page.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "stockpot/diagnose/distortion.h"

namespace stockpot::diagnose {

// Text of models and sets is as it came: escape it for where it is shown.
struct DistortionTable {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::size_t names = 1;  // leading columns that are names; the others are numbers
  std::string note;       // what the columns mean
};

std::vector<DistortionTable> tables(const Distortion& distortion);

std::string distortion_text(const Distortion& distortion, std::size_t width);

// <section id="distortion">: the reading, then the tables; every text is escaped. Uses the classes
// of the report's style sheet (findings, scroll, note).
std::string html_section(const Distortion& distortion);

}  // namespace stockpot::diagnose
