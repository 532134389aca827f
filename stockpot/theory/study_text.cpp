#include "stockpot/theory/study_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"

namespace stockpot::theory {
namespace {

// Below this a mean squared error is rounding, or where the flow was stopped.
constexpr double kRounding = 1e-20;

// "d = 60, m = 30, k = 4, eps = 0.1".
std::string setting(const ProblemOptions& options, StudyPreset preset) {
  std::vector<std::string> parts;
  if (preset != StudyPreset::dimension) {
    parts.push_back("d = " + std::to_string(options.dimension));
    parts.push_back("m = " + std::to_string(options.subspace));
  }
  parts.push_back("k = " + std::to_string(options.features));
  if (options.examples > 0) parts.push_back("n = " + std::to_string(options.examples));
  if (preset != StudyPreset::eps) parts.push_back("eps = " + shortest(options.eps));
  if (preset != StudyPreset::alignment && options.sigma != 1)
    parts.push_back("sigma = " + shortest(options.sigma));
  return join(parts, ", ");
}

std::string over(StudyPreset preset) {
  if (preset == StudyPreset::eps) return "feature quality eps = d(B0, B*)";
  if (preset == StudyPreset::alignment) return "head alignment error phi of v0";
  return "the dimension d of the inputs";
}

std::vector<std::string> varied(const ProblemOptions& options, StudyPreset preset) {
  if (preset == StudyPreset::eps) return {shortest(options.eps)};
  if (preset == StudyPreset::alignment) return {shortest(options.phi.value_or(0))};
  return {std::to_string(options.dimension), std::to_string(options.subspace)};
}

StudyTable sweep_table(const Sweep& sweep) {
  StudyTable table;
  table.id = name_of(sweep.preset);
  const Point& first = sweep.points.front();
  table.title = "Out-of-distribution error against " + over(sweep.preset) + " (" +
                setting(first.options, sweep.preset) + "; means of " +
                std::to_string(first.runs.size()) +
                (first.runs.size() == 1 ? " problem)" : " problems)");
  if (sweep.preset == StudyPreset::eps) table.columns = {"eps"};
  if (sweep.preset == StudyPreset::alignment) table.columns = {"phi"};
  if (sweep.preset == StudyPreset::dimension) table.columns = {"d", "m"};
  for (const char* column :
       {"OOD LP", "OOD FT", "OOD LP-FT", "ID LP", "ID FT", "FT/LP", "least FT", "bound"})
    table.columns.emplace_back(column);
  for (const Point& point : sweep.points) {
    std::vector<std::string> row = varied(point.options, sweep.preset);
    for (const Method method : kMethods) row.push_back(brief(point.mean_ood(method)));
    row.push_back(brief(point.mean_id(Method::lp)));
    row.push_back(brief(point.mean_id(Method::ft)));
    const double lp = point.mean_ood(Method::lp);
    row.push_back(lp > kRounding ? brief(point.mean_ood(Method::ft) / lp) : "-");
    const auto less = [](const Run& a, const Run& b) {
      return a.geometry.bound < b.geometry.bound;
    };
    const auto [low, high] = std::minmax_element(point.runs.begin(), point.runs.end(), less);
    double least = std::sqrt(point.runs.front().of(Method::ft).lowest_ood);
    for (const Run& run : point.runs)
      least = std::min(least, std::sqrt(run.of(Method::ft).lowest_ood));
    row.push_back(brief(least));
    row.push_back(fixed(low->geometry.bound, 4) + " .. " + fixed(high->geometry.bound, 4));
    table.rows.push_back(std::move(row));
  }
  table.note =
      "OOD: ||w* - B^T v||^2, the squared error for any direction; ID: its part in the training "
      "span. least FT: the smallest sqrt(OOD) of fine-tuning over all times and problems; bound: "
      "the right-hand side of Theorem 3.1 for it, which says nothing when negative.";
  return table;
}

StudyTable toy_table(const std::vector<ToyRow>& rows) {
  StudyTable table{.id = "toy",
                   .title =
                       "The toy: two inputs, one feature, perfect features; where fine-tuning "
                       "from the head v0 ends",
                   .columns = {"v0", "v", "b1", "OOD", "OOD by flow", "OOD by descent"},
                   .rows = {},
                   .note =
                       "v, b1, OOD: closed form. v0 = 1 is the true head, which is what LP-FT "
                       "starts from. Descent: steps of " +
                       shortest(kToyStep) + "."};
  for (const ToyRow& row : rows)
    table.rows.push_back({shortest(row.start), fixed(row.exact.head, 6),
                          fixed(row.exact.feature, 6), fixed(row.exact.ood, 8),
                          fixed(row.by_flow.ood, 8), fixed(row.by_descent.ood, 8)});
  return table;
}

StudyTable time_table(const TimeStudy& study) {
  StudyTable table{.id = "time",
                   .title = "Errors along training time (" +
                            setting(study.point.options, StudyPreset::time) + "; means of " +
                            std::to_string(study.point.runs.size()) +
                            (study.point.runs.size() == 1 ? " problem)" : " problems)"),
                   .columns = {"t", "OOD LP", "OOD FT", "OOD LP-FT", "ID LP", "ID FT", "ID LP-FT"},
                   .rows = {},
                   .note =
                       "Time of the gradient flow of ||X B^T v - Y||^2. LP and FT start from "
                       "the same random head, LP-FT from the probe's."};
  for (std::size_t i = 0; i < study.times.size(); i += 6) {
    std::vector<std::string> row = {brief(study.times[i])};
    for (const auto& curve : study.ood) row.push_back(brief(curve[i]));
    for (const auto& curve : study.id) row.push_back(brief(curve[i]));
    table.rows.push_back(std::move(row));
  }
  return table;
}

StudyTable descent_table(const std::vector<DescentCheck>& checks) {
  StudyTable table{.id = "descent",
                   .title = "Fine-tuning by gradient descent instead of the flow",
                   .columns = {"step", "steps", "change of OOD", "moved off the span",
                               "change of v v^T - B B^T"},
                   .rows = {},
                   .note =
                       "Step: times 1/||X||^2. The last two are largest entries; the flow "
                       "leaves both at 0, descent the second only as the step shrinks."};
  for (const DescentCheck& check : checks)
    table.rows.push_back({shortest(check.step),
                          grouped(check.most_steps) + (check.diverged    ? " (diverged)"
                                                       : check.converged ? ""
                                                                         : " (not done)"),
                          brief(100 * check.relative_change) + " %", brief(check.off_span),
                          brief(check.imbalance)});
  return table;
}

// Words of `text` on lines of at most `width`, each after `indent` spaces but the first.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t used = indent;
  for (const std::string& word : split(text, ' ')) {
    if (used > indent && used + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      used = indent;
    } else if (used > indent) {
      out += " ";
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out + "\n";
}

}  // namespace

std::string brief(double value) {
  if (!std::isfinite(value)) return "-";
  if (value > 0 && value < kRounding) return "< 1e-20";
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 4);
  return {text.data(), end.ptr};
}

std::vector<StudyTable> tables(const Study& study) {
  std::vector<StudyTable> all;
  for (const StudyPreset preset : study.options.presets) {
    if (preset == StudyPreset::toy) all.push_back(toy_table(study.toy));
    for (const Sweep& sweep : study.sweeps)
      if (sweep.preset == preset) all.push_back(sweep_table(sweep));
    if (preset != StudyPreset::time) continue;
    for (const TimeStudy& time : study.time) {
      all.push_back(time_table(time));
      if (!time.descents.empty()) all.push_back(descent_table(time.descents));
    }
  }
  return all;
}

std::string study_text(const Study& study, std::size_t width) {
  std::string text;
  for (const StudyTable& table : tables(study)) {
    std::vector<TextColumn> columns;
    for (const std::string& title : table.columns)
      columns.push_back({.title = title, .right = true, .shrinks = false});
    TextTable lines(columns);
    for (const std::vector<std::string>& row : table.rows) lines.add(row);
    text += wrapped(table.title, width, 0) + "\n" + lines.text(width) + "\n" +
            wrapped(table.note, width, 0) + "\n";
  }
  text += "What this shows\n\n";
  for (const std::string& sentence : reading(study)) text += "- " + wrapped(sentence, width, 2);
  return text;
}

}  // namespace stockpot::theory
