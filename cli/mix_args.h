// What interpolate (with sets), ensemble, calibrate and soup curve were asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/analysis_commands.h"
#include "cli/merge_request.h"

namespace stockpot::cli {

struct InterpolateArgs {
  MergeRequest request;  // its output may be empty
  AnalysisSets sets;
  std::vector<std::string> pictures;  // sources for --bn recompute
  double level = 0.05;                // of the paired test
  AnalysisPlace place;
};

struct EnsembleArgs {
  std::vector<fs::path> models;  // folders of models or of logits
  AnalysisSets sets;
  std::string accept = "ties";
  bool soup = false;
  fs::path logits;
  AnalysisPlace place;
};

struct CalibrateArgs {
  std::vector<fs::path> models;  // folders of models or of logits, or files of logits
  AnalysisSets sets;
  bool ensemble = false, soup = false;
  std::int64_t bins = 15;
  fs::path logits;
  AnalysisPlace place;
};

struct SoupCurveArgs {
  std::vector<fs::path> models;
  AnalysisSets sets;
  std::vector<std::int64_t> sizes;  // empty: powers of two and all
  std::int64_t repeats = 5;
  std::uint64_t seed = 0;
  std::string accept = "ties";
  AnalysisPlace place;
};

}  // namespace stockpot::cli
