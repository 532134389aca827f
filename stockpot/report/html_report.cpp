// The page as a whole: head, content security policy, order of the sections, scripts.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/report/assets.h"
#include "stockpot/report/findings.h"
#include "stockpot/report/html_parts.h"

namespace stockpot {

std::string html(std::string_view untrusted) { return escape_html(printable(untrusted)); }

std::string section(std::string_view id, std::string_view title, const std::string& body) {
  if (body.empty()) return "";
  return "<section id=\"" + std::string(id) + "\">\n<h2>" + std::string(title) + "</h2>\n" + body +
         "</section>\n";
}

std::string cut_note(std::size_t count, std::size_t shown) {
  if (count <= shown) return "";
  return "<p class=\"note\">Only " + grouped(static_cast<std::int64_t>(shown)) + " of " +
         grouped(static_cast<std::int64_t>(count)) +
         " are shown; results.json has all of them.</p>\n";
}

namespace {

// The source expression of a content security policy for one inline script.
std::string script_hash(std::string_view script) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string hex = sha256(script);
  std::string base64;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : hex) {
    buffer = buffer << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
    for (bits += 4; bits >= 6; bits -= 6) base64 += kDigits[buffer >> (bits - 6) & 63];
  }
  // 256 bits are 42 digits and 4 bits more, which stand in a digit of their own.
  base64 += kDigits[buffer << (6 - bits) & 63];
  return "'sha256-" + base64 + "='";
}

// JSON that cannot end the script element it stands in.
std::string script_safe(const Json& json) {
  std::string safe;
  for (const char c : json.dump()) {
    if (c == '<') {
      safe += "\\u003c";
    } else if (c == '>') {
      safe += "\\u003e";
    } else if (c == '&') {
      safe += "\\u0026";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string head(const RunReport& report) {
  const std::string title = report.title.empty() ? "stockpot report" : html(report.title);
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; script-src " +
         script_hash(kChartJs) + " " + script_hash(kReportJs) +
         "; img-src data:; base-uri 'none'; form-action 'none'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta name=\"referrer\" content=\"no-referrer\">\n<title>" +
         title + "</title>\n<style>\n" + std::string(kReportCss) + "</style>\n</head>\n";
}

std::string page_header(const RunReport& report) {
  std::vector<std::string> facts;
  if (!report.model.empty()) facts.push_back(html(report.model));
  if (!report.classes.empty()) facts.push_back(std::to_string(report.classes.size()) + " classes");
  if (!report.models.empty()) {
    const auto trained = std::count_if(report.models.begin(), report.models.end(),
                                       [](const ReportedModel& m) { return m.train_seconds > 0; });
    if (trained > 0) facts.push_back(std::to_string(trained) + " models trained");
  }
  if (report.seconds > 0 && std::isfinite(report.seconds))
    facts.push_back(human_duration(report.seconds));
  return "<header>\n<p class=\"kicker\">stockpot report</p>\n<h1>" +
         (report.title.empty() ? "Untitled run" : html(report.title)) + "</h1>\n<p class=\"sub\">" +
         join(facts, " · ") + "</p>\n" +
         (report.out_of_protocol.empty()
              ? ""
              : "<p class=\"warning\">" + html(report.out_of_protocol) + "</p>\n") +
         "</header>\n";
}

struct Part {
  std::string_view id, short_title;
  std::string content;
};

std::string contents(std::span<const Part> parts) {
  std::string links;
  for (const Part& part : parts) {
    if (part.content.empty() || part.short_title.empty()) continue;
    links += "<a href=\"#" + std::string(part.id) + "\">" + std::string(part.short_title) + "</a>";
  }
  return "<nav aria-label=\"Contents\">" + links + "</nav>\n";
}

// A percent sign stays on the line of its number.
std::string unbroken(std::string escaped) {
  for (std::size_t at = 0; (at = escaped.find(" %", at)) != std::string::npos;) {
    escaped.replace(at, 1, "&nbsp;");
  }
  return escaped;
}

}  // namespace

std::string findings_section(const RunReport& report, const ResultTable& table) {
  const std::vector<std::string> sentences = findings(report, table);
  if (sentences.empty()) return "";
  std::string text = "<p class=\"lead\">" + unbroken(html(sentences.front())) + "</p>\n";
  if (sentences.size() > 1) {
    text += "<ul class=\"findings\">\n";
    for (std::size_t i = 1; i < sentences.size(); ++i) {
      text += "<li>" + unbroken(html(sentences[i])) + "</li>\n";
    }
    text += "</ul>\n";
  }
  const auto shifts = std::count_if(report.sets.begin(), report.sets.end(),
                                    [](const ReportedSet& s) { return s.role == SetRole::ood; });
  text +=
      "<p class=\"note\">Intervals are at 95 %; where they overlap, the difference may be "
      "chance. ";
  if (shifts > 1) {
    text += "Out of distribution means the plain mean over " + std::to_string(shifts) + " sets. ";
  }
  return text + "These numbers are about this model and these pictures; they do not say why.</p>\n";
}

std::string html_report(const RunReport& report, const std::vector<AttachedPage>& pages) {
  const ResultTable table = result_table(report);
  const std::array<Part, 13> parts = {{
      {"findings", "", findings_section(report, table)},
      {"results", "Results", results_section(report, table)},
      {"comparisons", "Comparisons", comparisons_section(report)},
      {"charts", "Charts", charts_section(table)},
      {"probe", "Linear probe", probe_path_section(report)},
      {"mechanism", "Mechanism", mechanism_section(report)},
      {"soup", "Greedy soup", ledger_section(report)},
      {"search", "Search runs", search_section(report, table)},
      {"parts", "Classes", parts_section(report, table)},
      {"pictures", "Pictures", gallery_section(report)},
      {"analyses", "Analyses", attached_section(pages)},
      {"choices", "Choices", choices_section(report)},
      {"provenance", "Recipe", provenance_section(report)},
  }};
  std::string page = head(report) + "<body>\n<main>\n" + page_header(report) + contents(parts);
  for (const Part& part : parts) page += part.content;
  page +=
      "</main>\n<footer>Made by stockpot. This file is complete: it loads nothing from the "
      "network. Charts by Chart.js (MIT licence).</footer>\n"
      "<script type=\"application/json\" id=\"chart-data\">" +
      script_safe(chart_data(report, table)) + "</script>\n<script>" + std::string(kChartJs) +
      "</script>\n<script>" + std::string(kReportJs) + "</script>\n</body>\n</html>\n";
  return page;
}

}  // namespace stockpot
