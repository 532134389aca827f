// Ensembles beside single models and soups: as JSON, as a table, as a page.
#pragma once

#include <string>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/paired_test.h"
#include "stockpot/report/run_report.h"
#include "stockpot/soup/greedy.h"

namespace stockpot::cli {

// One of them on one set.
struct EnsembleScore {
  Accuracy accuracy;
  double nll = 0, calibration_error = 0;  // equal mass, 15 bins
  PairedTest test;                        // against the best single model
  Interval interval = {};                 // 95 %: over distinct pictures there, else Wilson's
};

struct EnsembleRow {
  std::string name;                  // "best on held-out", "ensemble of all", ...
  std::vector<std::size_t> members;  // of the models
  int passes = 1;                    // forward passes a picture
  std::vector<EnsembleScore> scores;
};

struct EnsembleStudy {
  std::vector<std::string> models;  // paths
  struct Set {
    std::string name;
    SetRole role = SetRole::ood;
  };
  std::vector<Set> sets;
  std::vector<Evaluation> alone;  // on held-out data, by model
  Walk greedy;
  std::vector<EnsembleRow> rows;
};

Json to_json(const EnsembleStudy& study);
std::string ensemble_text(const EnsembleStudy& study, std::size_t width);
std::string ensemble_page(const EnsembleStudy& study);

}  // namespace stockpot::cli
