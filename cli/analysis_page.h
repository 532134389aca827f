// The files that an analysis leaves: one JSON document and one page that loads and runs nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/analysis_commands.h"
#include "stockpot/base/json.h"

namespace stockpot::cli {

struct AnalysisPage {
  std::string command;   // "stockpot plane"
  std::string title;     // plain text
  std::string subtitle;  // plain text
  std::vector<std::string> sentences;
  struct Section {
    std::string id, title, html;
  };
  std::vector<Section> sections;
};
std::string analysis_html(const AnalysisPage& page);

// What stands around the body of every page of a command; the body is HTML. Sentences and sections
// of `page` are left to the caller. `css` comes behind the report's style sheet.
std::string page_around(const AnalysisPage& page, std::string_view css, const std::string& body);
// What a page says first, as a section of it.
std::string reading_section(const std::vector<std::string>& sentences);

// Text for a terminal, as a part of a page.
std::string preformatted(const std::string& text);

// Throws UsageError when the finished files exist already and may not be replaced.
void check_analysis_place(const AnalysisPlace& place, const std::string& name,
                          const std::string& flag = "-o");

// Writes NAME.json and NAME.html when there is a folder, and prints one JSON document or the text.
void publish_analysis(const AnalysisPlace& place, const std::string& name, const Json& json,
                      const std::string& page, const std::string& text, const CommandLine& line);

// What --dry-run prints: the lines, or a JSON document with them.
void print_analysis_plan(const std::string& name, const std::vector<std::string>& lines,
                         const CommandLine& line);

}  // namespace stockpot::cli
