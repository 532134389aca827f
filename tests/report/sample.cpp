#include "sample.h"

#include <cmath>
#include <limits>

namespace stockpot {
namespace {

// A red pixel.
constexpr const char* kPixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSu"
    "QmCC";

const std::vector<ReportedSet>& sample_sets() {
  static const std::vector<ReportedSet> kSets = {
      {"photo (held out)", SetRole::held_out, 334, 0},
      {"photo (test)", SetRole::id_test, 333, 1},
      {"art", SetRole::ood, 2048, 0},
      {"cartoon", SetRole::ood, 2344, 0},
      {"sketch", SetRole::ood, 3929, 12},
  };
  return kSets;
}

SetScore score(double accuracy, std::int64_t rows, const std::vector<std::string>& classes) {
  SetScore score{{std::llround(accuracy * static_cast<double>(rows)), rows}, {}, {}};
  const auto count = static_cast<std::int64_t>(classes.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t total = rows / count;
    const double one = accuracy + 0.06 * static_cast<double>(i % 3 - 1);
    score.classes.emplace_back(
        classes[static_cast<std::size_t>(i)],
        Accuracy{std::llround(std::min(one, 1.0) * static_cast<double>(total)), total});
  }
  return score;
}

ReportedModel model(std::string name, RowKind kind, std::string method,
                    const std::vector<double>& accuracies,
                    const std::vector<std::string>& classes) {
  ReportedModel model;
  model.name = std::move(name);
  model.kind = kind;
  model.method = std::move(method);
  for (std::size_t i = 0; i < sample_sets().size(); ++i) {
    const ReportedSet& set = sample_sets()[i];
    model.scores[set.name] = score(accuracies[i], set.rows, classes);
  }
  model.folder = kind == RowKind::ensemble ? "" : "models/" + model.method;
  model.train_seconds = kind < RowKind::soup ? 41.5 : 0;
  return model;
}

RunReport frame() {
  RunReport report;
  report.title = "PACS from photographs";
  report.model = "timm resnet18, 11.2 M parameters";
  report.classes = {"dog", "elephant", "giraffe", "guitar", "horse", "house", "person"};
  report.sets = sample_sets();
  report.recipe = "title: PACS from photographs\nmethods:\n  - lp\n  - ft\n  - lpft\n";
  report.versions = {{"stockpot", "0.1.0"}, {"LibTorch", "1.13.1"}, {"threads", "2"}};
  report.notes = {"12 pictures of sketch could not be decoded and were skipped."};
  report.lost = {"search-07: diverged, its loss is nan in step 12"};
  report.seconds = 425;
  return report;
}

void add_search(RunReport& report) {
  const char* rates[] = {"1e-4", "3e-4", "1e-3"};
  for (int i = 0; i < 8; ++i) {
    const double shift = 0.011 * (i % 4) - 0.004 * (i % 3);
    ReportedModel run = model(
        "search-0" + std::to_string(i + 1), RowKind::search, "search-0" + std::to_string(i + 1),
        {0.949 + shift * 0.9, 0.937 + shift, 0.611 + 1.5 * shift, 0.402 - shift, 0.371 + 2 * shift},
        report.classes);
    run.choices = {{"learning rate", rates[i % 3]},
                   {"epochs", std::to_string(6 + i)},
                   {"mixup", i % 2 ? "0.2" : "0"}};
    report.models.push_back(run);
  }
}

void add_ledger(RunReport& report) {
  std::vector<LedgerLine> lines = {
      {1, "search-04", "first: best on held-out data", {327, 334}, {}, {327, 334}, true},
      {2, "search-08", "+2 of 334", {326, 334}, {327, 334}, {329, 334}, true},
      {3, "search-07", "-1 of 334", {323, 334}, {329, 334}, {328, 334}, false},
      {4, "search-03", "0 of 334: a tie stays in", {322, 334}, {329, 334}, {329, 334}, true},
      {5, "search-02", "-4 of 334", {320, 334}, {329, 334}, {325, 334}, false},
      {6, "search-06", "-3 of 334", {318, 334}, {329, 334}, {326, 334}, false},
      {7, "search-05", "-2 of 334", {317, 334}, {329, 334}, {327, 334}, false},
      {8, "search-01", "-9 of 334", {316, 334}, {329, 334}, {320, 334}, false},
  };
  report.ledgers = {{0, lines}};
  report.accept_rule = ">= (ties stay in)";
}

void add_gallery(RunReport& report) {
  report.gallery_model = "greedy soup";
  for (const ReportedSet& set : report.sets) {
    for (int i = 0; i < 4; ++i) {
      report.gallery.push_back({set.name, set.name + "/" + std::to_string(i) + ".png",
                                report.classes[static_cast<std::size_t>(i)],
                                report.classes[static_cast<std::size_t>(i == 2 ? 0 : i)],
                                0.97 - 0.11 * i, kPixel});
    }
  }
}

}  // namespace

RunReport sample_report() {
  RunReport report = frame();
  const auto add = [&](const char* name, RowKind kind, const char* method,
                       const std::vector<double>& accuracies) -> ReportedModel& {
    report.models.push_back(model(name, kind, method, accuracies, report.classes));
    return report.models.back();
  };
  add("LP", RowKind::lp, "lp", {0.955, 0.943, 0.594, 0.389, 0.341}).choices = {{"penalty", "0.01"}};
  add("FT (BN frozen)", RowKind::ft, "ft-frozen", {0.967, 0.958, 0.583, 0.374, 0.348}).choices = {
      {"learning rate", "3e-4"}, {"epochs", "10"}};
  ReportedModel& live =
      add("FT (BN live)", RowKind::ft, "ft-live", {0.961, 0.964, 0.561, 0.342, 0.302});
  live.choices = {{"learning rate", "1e-3"}, {"epochs", "10"}};
  live.warnings = {
      "The learning rate 1e-3 is the largest of the grid: a larger one may be better."};
  add("LP-FT", RowKind::lpft, "lpft", {0.970, 0.961, 0.628, 0.416, 0.389}).choices = {
      {"learning rate", "1e-4"}, {"epochs", "10"}};
  add_search(report);
  add("uniform soup", RowKind::soup, "uniform", {0.973, 0.961, 0.645, 0.431, 0.419});
  add("greedy soup", RowKind::soup, "greedy", {0.985, 0.967, 0.639, 0.425, 0.423});
  add("ensemble", RowKind::ensemble, "ensemble", {0.979, 0.964, 0.641, 0.433, 0.421})
      .inference_cost = 8;
  add_ledger(report);
  add_gallery(report);
  return report;
}

RunReport sample_of_three_seeds() {
  RunReport report = frame();
  for (int seed = 0; seed < 3; ++seed) {
    const double d = 0.008 * seed;
    for (const auto& [name, kind, method, accuracies] :
         {std::tuple{"LP", RowKind::lp, "lp", std::vector{0.95, 0.94, 0.59 - d, 0.38, 0.34 + d}},
          std::tuple{"FT", RowKind::ft, "ft", std::vector{0.97 - d, 0.96, 0.58, 0.37 + d, 0.35}},
          std::tuple{"LP-FT", RowKind::lpft, "lpft",
                     std::vector{0.97, 0.96 + d, 0.63 - d, 0.42, 0.39 + d}}}) {
      report.models.push_back(model(name, kind, method, accuracies, report.classes));
      report.models.back().seed = seed;
    }
  }
  return report;
}

RunReport hostile_report() {
  const std::string script = "</script><script>alert(1)</script>", bidi = "gnp.\u202Ecod",
                    lines = "two\nlines\r|\x1b[31m", invalid = "caf\xe9\xff";
  RunReport report = sample_report();
  report.title = "<img src=x onerror=alert(2)>";
  report.model = bidi;
  report.classes = {script, bidi, lines, invalid};
  report.sets = {{script, SetRole::id_test, 40, 0},
                 {lines, SetRole::ood, 40, 0},
                 {"\"; x", SetRole::held_out, 40, 0},
                 {invalid, SetRole::ood, 40, 0}};
  report.models.resize(6);
  const std::string names[] = {script, bidi, lines, invalid, "\"><b>", "{{7*7}}&amp;"};
  for (std::size_t i = 0; i < report.models.size(); ++i) {
    ReportedModel& one = report.models[i];
    one.name = names[i];
    one.method = names[i];
    one.folder = script;
    one.warnings = {script, lines};
    one.choices = {{script, bidi}, {lines, invalid}};
    one.scores.clear();
    for (const ReportedSet& set : report.sets) {
      one.scores[set.name] = score(0.5 + 0.05 * static_cast<double>(i), 40, report.classes);
      one.scores[set.name].groups = {{script, {3, 9}}, {invalid, {0, 0}}};
    }
    one.train_seconds = std::numeric_limits<double>::quiet_NaN();
  }
  report.ledgers = {{7, {{1, script, lines, {30, 40}, {}, {30, 40}, true}}}};
  report.accept_rule = script;
  report.gallery = {{script, "\" onload=alert(3) x=\"", script, bidi,
                     std::numeric_limits<double>::infinity(), "\" onerror=alert(4) x=\""},
                    {invalid, lines, "<b>", "<b>", 0.5, kPixel}};
  report.gallery_model = script;
  report.recipe = "a: " + script + "\nb: " + bidi + "\n";
  report.versions = {{script, bidi}};
  report.notes = {script, bidi, lines, invalid};
  report.seconds = std::numeric_limits<double>::infinity();
  return report;
}

}  // namespace stockpot
