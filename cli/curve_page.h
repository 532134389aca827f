// The line between two models as JSON, as a table and as a page.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/metrics/weight_curve.h"
#include "stockpot/report/run_report.h"

namespace stockpot::cli {

struct CurveStudy {
  std::string first, second;  // paths
  struct Set {
    std::string name;
    SetRole role = SetRole::ood;
  };
  std::vector<Set> sets;
  std::vector<CurvePoint> points;     // in order of alpha
  std::optional<CurveChoice> choice;  // with a held-out set
  double level = 0.05;
  std::string batchnorm;  // "" without BatchNorm
};

Json to_json(const CurveStudy& study);
std::string curve_text(const CurveStudy& study, std::size_t width);
std::string curve_page(const CurveStudy& study);

}  // namespace stockpot::cli
