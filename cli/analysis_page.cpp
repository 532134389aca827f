#include "cli/analysis_page.h"

#include <array>
#include <iostream>
#include <string_view>
#include <system_error>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/report/assets.h"
#include "stockpot/report/attached_pages.h"
#include "stockpot/report/html_parts.h"

namespace stockpot::cli {
namespace {

constexpr std::string_view kFigureCss =
    "figure { margin: 0 0 22px; max-width: 860px; }\n"
    "figure svg { display: block; width: 100%; height: auto; background: var(--card);\n"
    "  border: 1px solid var(--line); border-radius: 10px; }\n"
    "figure text { font-size: 13px; fill: var(--soft); }\n"
    "figure text.mark { font-weight: 600; fill: #fff; paint-order: stroke; stroke: #000;\n"
    "  stroke-width: 3px; }\n"
    "figure figcaption { margin-top: 6px; font-size: 14px; color: var(--soft); }\n"
    "pre.table { margin: 0; padding: 14px; font-size: 13px; line-height: 1.45; }\n";

constexpr std::array kEndings = {".json", ".html"};

// The run whose report shows the pages of this folder (report/attached_pages.h), or "".
fs::path run_around(fs::path folder) {
  folder = fs::absolute(folder / "").lexically_normal().parent_path();
  for (int level = 0; level < 2; ++level, folder = folder.parent_path()) {
    std::error_code ignored;
    const fs::path run = folder.parent_path();
    if (folder.filename() == kAnalysesFolder && fs::exists(run / "results.json", ignored))
      return run;
  }
  return {};
}

}  // namespace

std::string preformatted(const std::string& text) {
  return "<div class=\"scroll\"><pre class=\"table\">" + escape_html(text) + "</pre></div>\n";
}

std::string page_around(const AnalysisPage& page, std::string_view css, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html(page.command) + "</title>\n<style>\n" + std::string(kReportCss) + std::string(css) +
         "</style>\n</head>\n<body>\n<main>\n<header>\n<p class=\"kicker\">" + html(page.command) +
         "</p>\n<h1>" + html(page.title) + "</h1>\n<p class=\"sub\">" + html(page.subtitle) +
         "</p>\n</header>\n" + body + "</main>\n<footer>Made by stockpot " + std::string(kVersion) +
         ". This file is complete: it loads nothing from the network.</footer>\n</body>\n</html>\n";
}

std::string reading_section(const std::vector<std::string>& sentences) {
  std::string list;
  for (const std::string& sentence : sentences) list += "<li>" + html(sentence) + "</li>\n";
  return section("reading", "What this shows", "<ul class=\"findings\">\n" + list + "</ul>\n");
}

std::string analysis_html(const AnalysisPage& page) {
  std::string body = page.sentences.empty() ? "" : reading_section(page.sentences);
  for (const AnalysisPage::Section& part : page.sections)
    body += section(part.id, part.title, part.html);
  return page_around(page, kFigureCss, body);
}

void check_analysis_place(const AnalysisPlace& place, const std::string& name,
                          const std::string& flag) {
  if (place.out.empty() || place.overwrite || place.plan_only) return;
  for (const char* ending : kEndings) {
    const fs::path file = place.out / (name + ending);
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(file, ignored)))
      throw UsageError(printable(file.string()) +
                       " exists; --overwrite replaces it, or give another folder to " + flag);
  }
}

void publish_analysis(const AnalysisPlace& place, const std::string& name, const Json& json,
                      const std::string& page, const std::string& text, const CommandLine& line) {
  const std::string document = json.dump(2) + "\n";
  if (!place.out.empty()) {
    std::error_code error;
    fs::create_directories(place.out, error);
    if (error) throw WriteError(place.out, "create the folder", error.value());
    write_file(place.out / (name + kEndings[0]), document);
    write_file(place.out / (name + kEndings[1]), page);
  }
  if (line.json) {
    std::cout << document;
    return;
  }
  std::cout << text;
  if (place.out.empty()) return;
  std::cout << "\npage: " << printable((place.out / (name + kEndings[1])).string()) << "\n";
  if (const fs::path run = run_around(place.out); !run.empty())
    std::cout << "to have it in the run's report: stockpot report " << printable(run.string())
              << "\n";
}

void print_analysis_plan(const std::string& name, const std::vector<std::string>& lines,
                         const CommandLine& line) {
  if (line.json) {
    Json plan = Json::array();
    for (const std::string& text : lines) plan.push(text);
    std::cout << Json::object(
                     {{"schema_version", 1}, {"command", name}, {"dry_run", true}, {"plan", plan}})
                     .dump(2)
              << "\n";
    return;
  }
  for (const std::string& text : lines) std::cout << text << "\n";
}

}  // namespace stockpot::cli
