// What plane, gap and angles with sets share: the sets, the mixtures, and a ledger of what was
// measured, so that a command that was stopped goes on where it was.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/analysis_commands.h"
#include "cli/terminal.h"
#include "stockpot/pipeline/mixtures.h"
#include "stockpot/soup/ledger_file.h"

namespace stockpot::cli {

struct AnalysisRequest {
  std::string command;           // "plane": the ledger is plane.jsonl in the output folder
  std::vector<fs::path> models;  // folders
  Json settings;                 // everything else that the measurements depend on
};

class AnalysisWork {
 public:
  // Opens models and sets. `extrapolates`: weights may be negative, where the law of total variance
  // has no meaning: unless the models share BatchNorm's statistics, or the user said otherwise,
  // these are then recomputed at every point. Throws what Mixtures throws, UsageError without a
  // set.
  AnalysisWork(const AnalysisRequest& request, const AnalysisSets& sets, const AnalysisPlace& place,
               bool extrapolates, const CommandLine& line, TerminalProgress& progress);

  Mixtures& mixtures() { return *mixtures_; }
  const std::vector<NamedSet>& sets() const { return mixtures_->sets(); }
  std::vector<std::string> set_names() const;
  const std::vector<std::string>& names() const { return names_; }  // of the models: short
  // Lines for the plan: models, sets, how BatchNorm is treated.
  std::vector<std::string> plan() const;
  std::vector<std::string> notes() const;

  // What was measured under this name: from the ledger, or by `measure`, whose result is in the
  // ledger before this returns. Throws Interrupted when a signal asked to stop.
  Json measured(const std::string& name, const std::function<Json()>& measure);
  std::size_t done() const { return known_.size(); }

 private:
  void open_ledger(const AnalysisRequest& request, const AnalysisPlace& place);
  Json header(const AnalysisRequest& request) const;

  TerminalProgress& progress_;
  std::string batchnorm_;
  bool bf16_ = false, cpu_ = true;
  std::vector<NamedSet> loaded_;  // BatchNorm is recomputed on the first; outlives mixtures_
  std::unique_ptr<Mixtures> mixtures_;
  std::vector<std::string> names_;
  std::unique_ptr<LedgerFile> ledger_;
  std::map<std::string, Json> known_;
};

}  // namespace stockpot::cli
