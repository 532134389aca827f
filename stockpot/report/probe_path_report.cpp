#include "stockpot/report/probe_path_report.h"

#include <algorithm>
#include <optional>

#include "stockpot/base/text.h"
#include "stockpot/report/cells.h"
#include "stockpot/report/html_parts.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

const ReportedSet* find_set(const RunReport& report, const std::string& name) {
  for (const ReportedSet& set : report.sets)
    if (set.name == name) return &set;
  return nullptr;
}

std::string shown_percent(double share) { return fixed(100 * share, 1) + " %"; }

// Plain mean over the OOD sets at every penalty; nothing without an OOD set.
std::optional<std::vector<double>> mean_ood(const RunReport& report) {
  const ReportedProbePath& path = *report.probe_path;
  std::vector<double> means(path.points.size(), 0.0);
  int count = 0;
  for (std::size_t s = 0; s < path.sets.size(); ++s) {
    const ReportedSet* set = find_set(report, path.sets[s]);
    if (!set || set->role != SetRole::ood) continue;
    ++count;
    for (std::size_t i = 0; i < means.size(); ++i) means[i] += path.points[i].scores[s].value();
  }
  if (count == 0) return std::nullopt;
  for (double& mean : means) mean /= count;
  return means;
}

// The held-out set's place among the path's sets.
std::optional<std::size_t> held_out_of(const RunReport& report) {
  const std::vector<std::string>& sets = report.probe_path->sets;
  for (std::size_t s = 0; s < sets.size(); ++s)
    if (const ReportedSet* set = find_set(report, sets[s]); set && set->role == SetRole::held_out)
      return s;
  return std::nullopt;
}

bool is_shown(const RunReport& report) {
  return report.probe_path && !report.probe_path->points.empty() &&
         report.probe_path->chosen < report.probe_path->points.size();
}

TitledTable path_table(const ReportedProbePath& path) {
  TitledTable table;
  table.columns = {"C", "training"};
  table.columns.insert(table.columns.end(), path.sets.begin(), path.sets.end());
  for (std::size_t i = 0; i < path.points.size(); ++i) {
    const ProbePathPoint& point = path.points[i];
    std::vector<std::string> row{significant(point.c, 3) + (i == path.chosen ? " (chosen)" : "") +
                                     (point.converged ? "" : " (not converged)"),
                                 fixed(100 * point.train.value(), 2)};
    for (const Accuracy& score : point.scores) row.push_back(fixed(100 * score.value(), 2));
    table.rows.push_back(std::move(row));
  }
  table.note = "Accuracies in percent. Only the held-out set chose C.";
  return table;
}

}  // namespace

Json to_json(const ReportedProbePath& path) {
  const auto counts = [](const Accuracy& accuracy) {
    return Json::object({{"correct", accuracy.correct}, {"total", accuracy.total}});
  };
  Json sets = Json::array(), points = Json::array();
  for (const std::string& set : path.sets) sets.push(is_utf8(set) ? set : printable(set));
  for (const ProbePathPoint& point : path.points) {
    Json scores = Json::array();
    for (const Accuracy& score : point.scores) scores.push(counts(score));
    points.push(Json::object({{"c", point.c},
                              {"converged", point.converged},
                              {"train", counts(point.train)},
                              {"scores", std::move(scores)}}));
  }
  return Json::object({{"scaling", path.scaling},
                       {"chosen", static_cast<std::int64_t>(path.chosen)},
                       {"sets", std::move(sets)},
                       {"points", std::move(points)}});
}

Json probe_chart(const RunReport& report) {
  if (!is_shown(report)) return {};
  const ReportedProbePath& path = *report.probe_path;
  Json lines = Json::array();
  for (std::size_t s = 0; s < std::min(path.sets.size(), kMostMethods); ++s) {
    const ReportedSet* set = find_set(report, path.sets[s]);
    if (!set) continue;
    Json values = Json::array();
    for (const ProbePathPoint& point : path.points)
      values.push(point.scores[s].total ? Json(100 * point.scores[s].value()) : Json());
    lines.push(Json::object({{"label", shorten(printable(set->name), 36) + " (" +
                                           std::string(words(set->role).shown) + ")"},
                             {"role", words(set->role).json},
                             {"values", std::move(values)}}));
  }
  Json c = Json::array();
  for (const ProbePathPoint& point : path.points) c.push(point.c);
  return Json::object({{"c", std::move(c)},
                       {"chosen", static_cast<std::int64_t>(path.chosen)},
                       {"lines", std::move(lines)}});
}

std::string probe_path_line(const RunReport& report) {
  if (!is_shown(report)) return "";
  const ReportedProbePath& path = *report.probe_path;
  const ProbePathPoint& chosen = path.points[path.chosen];
  std::string text = "Linear probe: C = " + significant(chosen.c, 3) +
                     " is best on held-out data of " + std::to_string(path.points.size()) +
                     (path.points.size() == 1 ? " penalty" : " penalties");
  if (path.points.size() > 1)
    text += " from " + significant(path.points.front().c, 3) + " to " +
            significant(path.points.back().c, 3);
  if (const auto held_out = held_out_of(report))
    text += " (" + shown_percent(chosen.scores[*held_out].value()) + ")";
  if (const auto means = mean_ood(report)) {
    const auto best = std::max_element(means->begin(), means->end());
    const double there = (*means)[path.chosen];
    text += "; out of distribution " + shown_percent(there) + " there, ";
    text +=
        *best <= there
            ? "the most on the path"
            : "at most " + shown_percent(*best) + " on the path (C = " +
                  significant(path.points[static_cast<std::size_t>(best - means->begin())].c, 3) +
                  ", which only OOD data could have told)";
  }
  return text + ".";
}

std::string probe_path_section(const RunReport& report) {
  if (!is_shown(report)) return "";
  return section(
      "probe", "Linear probe",
      "<p>" + html(probe_path_line(report)) + "</p>\n" +
          "<figure><div class=\"chart wide\"><canvas id=\"probe-path\" role=\"img\" "
          "aria-label=\"Accuracy of the linear probe against its penalty\"></canvas></div>"
          "<figcaption>Accuracy against C: stronger penalties are to the left, the larger marks "
          "are the choice.</figcaption></figure>\n"
          "<details><summary>Every penalty</summary>\n" +
          html_of(path_table(*report.probe_path)) + "</details>\n");
}

}  // namespace stockpot
