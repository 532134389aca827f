// The whole path of the linear probe: accuracy on every set against the penalty.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {

struct RunReport;

struct ProbePathPoint {
  double c = 0;  // of 1/2 ||W||^2 + C * sum of the cross entropies: smaller is stronger
  bool converged = false;
  Accuracy train;
  std::vector<Accuracy> scores;  // in the order of ReportedProbePath::sets
};

struct ReportedProbePath {
  std::string scaling;            // "global" or "per_feature"
  std::size_t chosen = 0;         // into points, by held-out data
  std::vector<std::string> sets;  // names among RunReport::sets
  std::vector<ProbePathPoint> points;
};

// The member "probe_path" of results.json (docs/results-json.md).
Json to_json(const ReportedProbePath& path);
// What assets/report.js draws; null without a path.
Json probe_chart(const RunReport& report);
// The choice and what it cost, in one sentence; "" without a path. Text is printable().
std::string probe_path_line(const RunReport& report);
std::string probe_path_section(const RunReport& report);

}  // namespace stockpot
