// A diagnosis for people: tables and sentences, for a terminal and as a section of a page.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "stockpot/base/titled_table.h"
#include "stockpot/diagnose/distortion.h"

namespace stockpot::diagnose {

// Texts of models and sets are as they came: escape them for where they are shown.
std::vector<TitledTable> tables(const Distortion& distortion);

std::string distortion_text(const Distortion& distortion, std::size_t width);

// <section id="distortion">: the reading, then the tables; every text is escaped. Uses the classes
// of the report's style sheet (findings, scroll, note).
std::string html_section(const Distortion& distortion);

}  // namespace stockpot::diagnose
