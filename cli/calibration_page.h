// Calibration of models before and after a temperature: as JSON, as a table, as a page.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/calibration.h"
#include "stockpot/report/run_report.h"

namespace stockpot::cli {

struct CalibratedSet {
  std::string name;
  SetRole role = SetRole::ood;
  Accuracy accuracy;
  CalibrationScore before, after;
};

struct CalibratedModel {
  // From the user, not yet printable: its path, and that without what all paths share.
  std::string name, label;
  Temperature temperature;
  std::vector<CalibratedSet> sets;
};

struct CalibrationStudy {
  int bins = 15;
  std::vector<CalibratedModel> models;
};

Json to_json(const CalibrationStudy& study);
std::string calibration_text(const CalibrationStudy& study, std::size_t width);
std::string calibration_page(const CalibrationStudy& study);

}  // namespace stockpot::cli
