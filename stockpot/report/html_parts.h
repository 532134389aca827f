// The sections of report.html. Each returns HTML whose text from files is escaped; a section
// without content returns "".
#pragma once

#include <string>
#include <string_view>

#include "stockpot/base/json.h"
#include "stockpot/report/run_report.h"
#include "stockpot/report/table.h"

namespace stockpot {

// Lists longer than this are cut, with a line that says so: a page must open quickly.
inline constexpr std::size_t kMostRows = 500;
// Methods side by side in the bar chart and in the tables of classes: more cannot be read.
inline constexpr std::size_t kMostMethods = 24;

// One line of untrusted text, shown literally: markup, bidi controls and line ends too.
std::string html(std::string_view untrusted);
// <section id=...><h2>title</h2>body</section>
std::string section(std::string_view id, std::string_view title, const std::string& body);
// "Only the first 500 of 2,000 are shown; results.json has all.", or "".
std::string cut_note(std::size_t count, std::size_t shown = kMostRows);

std::string findings_section(const RunReport& report, const ResultTable& table);
std::string results_section(const RunReport& report, const ResultTable& table);
std::string comparisons_section(const RunReport& report);
std::string charts_section(const ResultTable& table);
std::string mechanism_section(const RunReport& report);
std::string ledger_section(const RunReport& report);
std::string search_section(const RunReport& report, const ResultTable& table);
std::string parts_section(const RunReport& report, const ResultTable& table);
std::string gallery_section(const RunReport& report);
std::string choices_section(const RunReport& report);
std::string provenance_section(const RunReport& report);

// What assets/report.js draws.
Json chart_data(const RunReport& report, const ResultTable& table);

}  // namespace stockpot
