// The sections on which method is better, and on what training did to features and head.
#include "stockpot/report/comparisons.h"
#include "stockpot/report/html_parts.h"

namespace stockpot {

std::string comparisons_section(const RunReport& report) {
  if (report.comparisons.empty()) return "";
  return section("comparisons", "Differences, paired",
                 html_of(comparison_table(report.comparisons)));
}

std::string mechanism_section(const RunReport& report) {
  if (!report.mechanism) return "";
  std::string text = "<ul class=\"findings\">\n";
  for (const std::string& sentence : report.mechanism->reading)
    text += "<li>" + html(sentence) + "</li>\n";
  text += "</ul>\n";
  for (const TitledTable& table : report.mechanism->tables) text += html_of(table);
  return section("mechanism", "What training moved", text);
}

}  // namespace stockpot
