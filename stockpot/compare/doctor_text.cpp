// The page and the document of doctor.h.
#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/compare/doctor.h"
#include "stockpot/compare/finding_text.h"

namespace stockpot {
namespace {

std::string number(double value, int digits) {
  return std::isnan(value) ? "-" : significant(value, digits);
}

std::string cosine_text(double value) { return std::isnan(value) ? "-" : fixed(value, 4); }

std::string_view verdict_word(const DoctorReport& report) {
  switch (report.verdict()) {
    case Severity::note:
      return "PASS";
    case Severity::warning:
      return "PASS with warnings";
    default:
      return "FAIL";
  }
}

std::string verdict_sentence(const DoctorReport& report) {
  const std::size_t count = report.models.size();
  const std::string models = "these " + std::to_string(count) + " checkpoints ";
  return report.verdict() == Severity::failure ? models + "should not be averaged as they are"
                                               : models + "can be averaged";
}

std::string findings_text(const Findings& findings, std::size_t width) {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding_line(word_of(finding.severity), finding.text, width);
    if (!finding.advice.empty()) text += finding_line("", "-> " + finding.advice, width);
  }
  return text;
}

// Cosine and distance of a model to its nearest and farthest other one.
struct Nearness {
  double least = NAN, most = NAN, farthest = NAN;
};

Nearness nearness(const DoctorReport& report, std::size_t model) {
  Nearness result;
  for (const DoctorPair& pair : report.pairs) {
    if (pair.i != model && pair.j != model) continue;
    result.least = std::fmin(result.least, pair.cosine);
    result.most = std::fmax(result.most, pair.cosine);
    result.farthest = std::fmax(result.farthest, pair.distance);
  }
  return result;
}

std::string model_table(const DoctorReport& report, std::size_t width) {
  const bool based = report.base.has_value();
  std::vector<TextColumn> columns{{"model", false, true}, {"norm", true, false}};
  columns.push_back({based ? "from base" : "to mean", true, false});
  columns.push_back({"relative", true, false});
  if (based) columns.push_back({"cos to base", true, false});
  columns.push_back({"least cos", true, false});
  columns.push_back({"farthest", true, false});
  TextTable table(std::move(columns));
  for (std::size_t i = 0; i < report.models.size(); ++i) {
    const DoctorModel& model = report.models[i];
    const Nearness near = nearness(report, i);
    std::vector<std::string> cells{model.name, number(model.norm, 4), number(model.distance, 3),
                                   number(model.distance / model.norm, 3)};
    if (based) cells.push_back(cosine_text(model.base_cosine));
    cells.push_back(cosine_text(near.least));
    cells.push_back(number(near.farthest, 3));
    table.add(std::move(cells));
  }
  return table.text(width);
}

// All pairs when they fit a page.
std::string pair_table(const DoctorReport& report, std::size_t width) {
  constexpr std::size_t kMost = 15;
  if (report.pairs.empty() || report.pairs.size() > kMost) return "";
  const bool based = report.base.has_value();
  std::vector<TextColumn> columns{
      {"pair", false, true}, {"", false, true}, {"cosine", true, false}, {"distance", true, false}};
  if (based) columns.push_back({"cos of task vectors", true, false});
  TextTable table(std::move(columns));
  for (const DoctorPair& pair : report.pairs) {
    std::vector<std::string> cells{report.models[pair.i].name, report.models[pair.j].name,
                                   cosine_text(pair.cosine), number(pair.distance, 3)};
    if (based) cells.push_back(cosine_text(pair.task_cosine));
    table.add(std::move(cells));
  }
  return "\n" + table.text(width);
}

}  // namespace

Json to_json(const DoctorReport& report) {
  constexpr const char* kVerdicts[] = {"pass", "warnings", "fail"};
  Json models = Json::array(), pairs = Json::array(), findings = Json::array();
  for (const DoctorModel& model : report.models)
    models.push(Json::object({{"path", model.path.native()},
                              {"comparable", model.comparable},
                              {"norm", model.norm},
                              {"distance", model.distance},
                              {"base_cosine", model.base_cosine}}));
  for (const DoctorPair& pair : report.pairs)
    pairs.push(Json::object({{"i", static_cast<std::int64_t>(pair.i)},
                             {"j", static_cast<std::int64_t>(pair.j)},
                             {"cosine", pair.cosine},
                             {"distance", pair.distance},
                             {"task_cosine", pair.task_cosine}}));
  for (const Finding& finding : report.findings) findings.push(to_json(finding));
  return Json::object({
      {"schema_version", 1},
      {"verdict", kVerdicts[static_cast<std::size_t>(report.verdict())]},
      {"base", report.base ? Json(report.base->native()) : Json()},
      {"findings", std::move(findings)},
      {"models", std::move(models)},
      {"pairs", std::move(pairs)},
  });
}

std::string doctor_text(const DoctorReport& report, std::size_t width) {
  std::string text = std::string(verdict_word(report)) + ": " + verdict_sentence(report) + "\n\n";
  text += findings_text(report.findings, width);
  if (!report.findings.empty()) text += "\n";
  return text + model_table(report, width) + pair_table(report, width);
}

}  // namespace stockpot
