// Everything that a run found out, as numbers: the one source of results.json, of the table
// on the terminal and of report.html.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/report/attached_pages.h"
#include "stockpot/report/probe_path_report.h"
#include "stockpot/report/report_table.h"

namespace stockpot {

enum class SetRole { held_out, id_test, ood };

struct ReportedSet {
  std::string name;
  SetRole role = SetRole::ood;
  std::int64_t rows = 0, skipped = 0;
};

// Accuracy of one model on one set.
struct SetScore {
  Accuracy accuracy;
  std::vector<std::pair<std::string, Accuracy>> classes, groups;
  // 95 %, over distinct pictures (metrics/picture_mean.h): for sets that hold several corrupted
  // copies of one picture.
  std::optional<Interval> over_pictures = {};

  // over_pictures, else Wilson's.
  Interval interval() const { return over_pictures.value_or(wilson_interval(accuracy)); }
};

enum class RowKind { zero_shot, lp, ft, lpft, search, soup, ensemble };

// One model, or one ensemble, that was evaluated.
struct ReportedModel {
  std::string name;  // "LP", "FT (BN frozen)", "search-03", "greedy soup", unique with seed
  RowKind kind = RowKind::ft;
  std::int64_t seed = 0;
  std::string method;  // rows of one method differ in seed only: "ft-frozen", "lp", ...
  std::vector<std::pair<std::string, std::string>> choices;  // "learning rate" -> "3e-4", ...
  int inference_cost = 1;                                    // forward passes a picture
  std::map<std::string, SetScore> scores;                    // by set name
  std::string folder;  // of the checkpoint, relative to the run; "" for ensembles
  double train_seconds = 0;
  std::vector<std::string> warnings;
  // 95 % of mean_ood(), over distinct pictures: when OOD sets hold corrupted copies of one.
  std::optional<Interval> mean_ood_over_pictures = {};

  // Plain mean of the accuracies on the OOD sets, in [0, 1]; NaN when there is no OOD set or
  // the model lacks a score on one.
  double mean_ood(const std::vector<ReportedSet>& sets) const;
};

// A line of a greedy soup's ledger, as text and counts (soup/greedy.h).
struct LedgerLine {
  int rank = 0;
  std::string name, reason;
  Accuracy alone, before, after;
  bool accepted = false;
};

// One example picture with what the chosen model said.
struct GalleryPicture {
  std::string set, id, label, predicted;
  double confidence = 0;  // softmax of the predicted class
  std::string png_base64;
};

// Two methods on one set: accuracy of the first less that of the second.
struct SetComparison {
  std::string set;  // "" for the mean over the OOD sets
  SetRole role = SetRole::ood;
  double difference = 0;                     // mean over the seeds
  std::optional<Interval> seeds90, seeds95;  // Student's t, with two seeds or more
  std::optional<Interval> pictures95;        // bootstrap, where predictions are stored
  std::vector<double> mcnemar;               // exact p, one a pair of seeds; not for means
};

struct MethodComparison {
  std::string first, second;        // names
  std::vector<std::int64_t> seeds;  // of the pairs
  std::vector<SetComparison> sets;
};

// What training did to features and head, measured after every choice was made: sentences,
// tables, and the same as numbers (diagnose/distortion_json.h).
struct Mechanism {
  std::vector<std::string> reading;
  std::vector<TitledTable> tables;
  Json numbers;
};

struct RunReport {
  std::string title;  // from the recipe
  std::string model;  // "timm resnet18, 2.9 M parameters"
  std::vector<std::string> classes;
  std::vector<ReportedSet> sets;
  std::vector<ReportedModel> models;
  // Greedy ledgers, one a seed: accept rule and lines.
  std::vector<std::pair<std::int64_t, std::vector<LedgerLine>>> ledgers;
  std::string accept_rule;  // ">= (ties stay in)"
  std::vector<GalleryPicture> gallery;
  std::string gallery_model;  // name of the model that made the gallery's predictions
  std::string recipe;         // YAML as run
  std::vector<std::pair<std::string, std::string>> versions;  // "stockpot" -> "0.1.0", ...
  std::vector<std::string> notes;
  std::vector<std::string> lost;  // trials without a result, and why: "search-07: diverged, ..."
  double seconds = 0;             // of the whole command
  // Not empty: choices were made on OOD data, as this sentence says; every output shows it.
  std::string out_of_protocol;
  std::vector<MethodComparison> comparisons;
  std::optional<Mechanism> mechanism;
  std::optional<ReportedProbePath> probe_path;
};

// Models of one method over the seeds, in the order of first appearance.
struct MethodSummary {
  std::string name, method;
  RowKind kind = RowKind::ft;
  std::vector<const ReportedModel*> runs;
};
std::vector<MethodSummary> summarise(const RunReport& report);

// results.json: schema_version 1, documented in docs/results-json.md.
Json to_json(const RunReport& report);
Json to_json(const Mechanism& mechanism);  // its member `mechanism`
// Both throw FormatError, which names `file` and the place in it.
RunReport report_from_json(const Json& json, const fs::path& file = "results.json");
Mechanism mechanism_from_json(const Json& json, const fs::path& file);
// results.json of a run's folder. Throws UsageError when the run is not finished.
fs::path results_file(const fs::path& run);
RunReport read_report(const fs::path& run);

// The table that a person reads: a row a method, a column a set, accuracies in percent with
// 95 % intervals (Wilson for one seed, Student's t over seeds). Lines are at most `width`
// wide where the names allow; colour by ANSI codes when asked.
std::string terminal_table(const RunReport& report, int width, bool colour);
// The same as Markdown, and one row a model and set as CSV.
std::string markdown_table(const RunReport& report);
std::string csv_table(const RunReport& report);

// One self-contained HTML file: works offline, runs no code from the data, escapes every
// name. Charts by Chart.js, embedded when the program was built. `pages` follow the run's own
// sections.
std::string html_report(const RunReport& report, const std::vector<AttachedPage>& pages = {});

}  // namespace stockpot
