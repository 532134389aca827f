// Charts, the greedy ledger, example pictures, choices, recipe and versions.
#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/report/html_parts.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

std::string figure(const std::string& id, std::string_view label, std::string_view caption,
                   std::string_view shape = "") {
  return "<figure><div class=\"chart " + std::string(shape) + "\"><canvas id=\"" + id +
         "\" role=\"img\" aria-label=\"" + std::string(label) + "\"></canvas></div><figcaption>" +
         std::string(caption) + "</figcaption></figure>\n";
}

std::string of_counts(const Accuracy& accuracy) {
  if (accuracy.total == 0) return "<td class=\"none\">–</td>";
  return "<td class=\"number\" title=\"" + grouped(accuracy.correct) + " of " +
         grouped(accuracy.total) + "\">" + fixed(100 * accuracy.value(), 2) + "</td>";
}

std::string ledger_table(const std::vector<LedgerLine>& lines) {
  std::string text =
      "<div class=\"scroll\"><table class=\"plain ledger\"><thead><tr>"
      "<th scope=\"col\" class=\"count\">#</th>"
      "<th scope=\"col\">run</th><th scope=\"col\">alone</th><th scope=\"col\">soup before</th>"
      "<th scope=\"col\">soup with it</th><th scope=\"col\">decision</th>"
      "<th scope=\"col\">reason</th></tr></thead>\n<tbody>\n";
  for (std::size_t i = 0; i < std::min(lines.size(), kMostRows); ++i) {
    const LedgerLine& line = lines[i];
    text += std::string(line.accepted ? "<tr class=\"kept\">" : "<tr class=\"left\">") +
            "<td class=\"count\">" + std::to_string(line.rank) + "</td><th scope=\"row\">" +
            html(line.name) + "</th>" + of_counts(line.alone) + of_counts(line.before) +
            of_counts(line.after) + "<td class=\"decision\">" +
            (line.accepted ? "✓ kept" : "✗ left out") + "</td><td class=\"reason\">" +
            html(line.reason) + "</td></tr>\n";
  }
  return text + "</tbody></table></div>\n" + cut_note(lines.size());
}

}  // namespace

std::string charts_section(const ResultTable& table) {
  if (table.rows.empty()) return "";
  std::string text =
      "<noscript><p class=\"note\">The charts need JavaScript; the tables hold the "
      "same numbers.</p></noscript>\n<div class=\"charts\">\n";
  if (table.main_column(SetRole::ood) && table.main_column(SetRole::id_test)) {
    text += figure("scatter", "Accuracy out of distribution against accuracy in distribution",
                   "Every model, in and out of distribution: up and to the right is better. Lines "
                   "are 95 % intervals. Hover or tap for names.");
  }
  text += figure("bars", "Accuracy of each method on each set",
                 "Every set by method, with 95 % intervals.", "wide");
  return section("charts", "In and out of distribution", text + "</div>\n");
}

std::string ledger_section(const RunReport& report) {
  std::string text;
  for (std::size_t i = 0; i < report.ledgers.size(); ++i) {
    const auto& [seed, lines] = report.ledgers[i];
    if (lines.empty()) continue;
    const auto kept = std::count_if(lines.begin(), lines.end(),
                                    [](const LedgerLine& line) { return line.accepted; });
    if (report.ledgers.size() > 1) text += "<h3>Seed " + std::to_string(seed) + "</h3>\n";
    text += "<p>" + std::to_string(kept) + " of " + std::to_string(lines.size()) +
            " runs are in the soup.</p>\n";
    text += figure("ledger-" + std::to_string(i), "Held-out accuracy along the greedy walk",
                   "Held-out accuracy along the walk: the line is the soup, each mark the soup "
                   "with the candidate added.",
                   "low");
    text += ledger_table(lines);
  }
  if (text.empty()) return "";
  std::string intro =
      "<p>The walk goes from the run that is best on held-out data downwards; the held-out "
      "accuracy "
      "of the average with a run decides whether it stays.";
  if (!report.accept_rule.empty()) intro += " Rule: " + html(report.accept_rule) + ".";
  return section("soup", "Greedy soup", intro + "</p>\n" + text);
}

namespace {

bool is_base64(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  });
}

std::string picture(const GalleryPicture& one) {
  const bool right = one.label == one.predicted;
  std::string image = "<div class=\"missing\">no picture</div>";
  if (is_base64(one.png_base64)) {
    image = "<img loading=\"lazy\" alt=\"" + html(one.id) + "\" src=\"data:image/png;base64," +
            one.png_base64 + "\">";
  }
  const std::string confidence =
      std::isfinite(one.confidence) ? " " + fixed(100 * one.confidence, 0) + " %" : "";
  return "<figure class=\"" + std::string(right ? "right" : "wrong") + "\" title=\"" +
         html(one.id) + "\">" + image + "<figcaption><b>" + (right ? "✓ " : "✗ ") +
         html(one.predicted) + "</b>" + confidence +
         (right ? "" : "<span>is " + html(one.label) + "</span>") + "</figcaption></figure>\n";
}

}  // namespace

std::string gallery_section(const RunReport& report) {
  std::string text;
  for (const ReportedSet& set : report.sets) {
    std::string pictures;
    std::size_t count = 0, right = 0;
    for (const GalleryPicture& one : report.gallery) {
      if (one.set != set.name || count >= kMostRows) continue;
      pictures += picture(one);
      ++count;
      right += one.label == one.predicted ? 1 : 0;
    }
    if (count == 0) continue;
    text += "<h3>" + html(set.name) + " <small>" + std::string(words(set.role).shown) + " · " +
            std::to_string(right) + " of these " + std::to_string(count) +
            " right</small></h3>\n<div class=\"gallery\">\n" + pictures + "</div>\n";
  }
  if (text.empty()) return "";
  return section("pictures", "Example pictures",
                 "<p>Predictions by <b>" + html(report.gallery_model) +
                     "</b>, with its confidence. Some examples, not a measurement.</p>\n" + text);
}

namespace {

std::string choices_row(const ReportedModel& model) {
  std::string choices, warnings;
  for (const auto& [name, value] : model.choices) {
    choices +=
        "<span class=\"choice\"><small>" + html(name) + "</small> " + html(value) + "</span>";
  }
  for (const std::string& warning : model.warnings) {
    warnings += "<p class=\"warning\">" + html(warning) + "</p>";
  }
  return "<tr><th scope=\"row\">" + html(model.name) + "</th><td class=\"count\">" +
         std::to_string(model.seed) + "</td><td class=\"choices\">" + choices + warnings +
         "</td><td class=\"number\">" +
         (model.train_seconds > 0 && std::isfinite(model.train_seconds)
              ? human_duration(model.train_seconds)
              : "–") +
         "</td><td>" + (model.folder.empty() ? "–" : "<code>" + html(model.folder) + "</code>") +
         "</td></tr>\n";
}

}  // namespace

std::string choices_section(const RunReport& report) {
  if (report.models.empty()) return "";
  // Search runs have a table of their own; here only those with a warning.
  std::string rows;
  std::size_t count = 0;
  for (const ReportedModel& model : report.models) {
    if (model.kind == RowKind::search && model.warnings.empty()) continue;
    if (++count <= kMostRows) rows += choices_row(model);
  }
  if (rows.empty()) return "";
  return section(
      "choices", "What was chosen",
      "<p>Hyperparameters, warnings and training time of each model.</p>\n<div class=\"scroll\">"
      "<table class=\"plain\"><thead><tr><th scope=\"col\">model</th>"
      "<th scope=\"col\" class=\"count\">seed</th><th scope=\"col\">choices and warnings</th>"
      "<th scope=\"col\" class=\"number\">training</th><th scope=\"col\">folder</th></tr></thead>\n"
      "<tbody>\n" +
          rows + "</tbody></table></div>\n" + cut_note(count));
}

std::string provenance_section(const RunReport& report) {
  std::string text;
  if (!report.notes.empty()) {
    text += "<ul>\n";
    for (const std::string& note : report.notes) text += "<li>" + html(note) + "</li>\n";
    text += "</ul>\n";
  }
  if (!report.versions.empty()) {
    text += "<dl class=\"versions\">\n";
    for (const auto& [name, version] : report.versions) {
      text += "<div><dt>" + html(name) + "</dt><dd>" + html(version) + "</dd></div>\n";
    }
    text += "</dl>\n";
  }
  if (!report.recipe.empty()) {
    // escape_html keeps line ends, which a recipe needs.
    text += "<details><summary>Recipe <small>as run</small></summary>\n<pre>" +
            escape_html(report.recipe) + "</pre></details>\n";
  }
  return section("provenance", "Recipe and versions", text);
}

}  // namespace stockpot
