// Any program as the judge of a model, by the protocol of docs/soups.md: started with an argument
// list (no shell), or kept running and asked line by line; its JSON result holds the metric.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/evaluator/child.h"
#include "stockpot/evaluator/result.h"
#include "stockpot/metrics/right_rows.h"

namespace stockpot {

struct EvaluatorOptions {
  std::vector<std::string> command;          // with placeholders such as {model_dir}
  std::string metric = "/metrics/accuracy";  // JSON pointer into the result
  double timeout = 7200;                     // seconds for one evaluation
  double grace = 10;                         // seconds between SIGTERM and SIGKILL
  int retries = 1;                           // of an evaluation that failed
  int repeat = 1;                            // evaluations with seeds 0, 1, ...; their mean counts
  std::vector<std::string> environment;      // NAME=value
  std::string fingerprint;                   // of data and code; without one there is no cache
  bool serve = false;                        // keep it running
  bool result_on_stdout = false;             // the last line of stdout, not {result_json}
  fs::path folder;                           // for logs and scratch; made when missing
  fs::path work_folder;                      // working directory; empty: a scratch folder each
  fs::path cache;                            // folder of results by content; empty: none
};

// A model as the evaluator gets it: a folder, a single safetensors file, or both.
struct EvaluatedModel {
  std::string name;  // "soup 12 with model_4": {candidate}
  std::string hash;  // of its contents (checkpoint/content_hash.h)
  fs::path folder, file;
};

struct ExternalScore {
  std::string failure;   // why there is no score; empty for a score
  double value = 0;      // mean over the repetitions
  double deviation = 0;  // standard deviation over the repetitions; 0 for one
  Json metrics;          // of the first repetition
  std::optional<std::int64_t> n;
  std::optional<Accuracy> counts;  // of a single evaluation
  RightRows right;                 // of the first repetition; may be empty
  double seconds = 0;
  int evaluations = 0;  // programs that were run; 0: from the cache
  fs::path log;
};

class ExternalEvaluator {
 public:
  // Throws UsageError: no command, a metric that is no pointer, placeholders that a program that
  // keeps running cannot have.
  explicit ExternalEvaluator(EvaluatorOptions options);
  ~ExternalEvaluator();

  // What the command wants to be given: {model_dir}, {model_file}; neither when it says nothing.
  bool wants_folder() const;
  bool wants_file() const;
  // Everything that decides about a score, the model aside.
  Json description() const;
  // All later evaluations have to be of so many examples; the first one that tells sets it.
  void expect_rows(std::int64_t n) { rows_ = n; }

  // Runs it. Failures of any kind are told in the score. Throws Interrupted when this process
  // was asked to stop, WriteError, and UsageError when the program does not exist.
  ExternalScore score(const EvaluatedModel& model);

 private:
  ExternalResult attempt(const EvaluatedModel& model, int seed, const fs::path& log);
  ExternalResult attempt_alone(const EvaluatedModel& model, int seed, const fs::path& log,
                               const fs::path& scratch);
  ExternalResult ask(const EvaluatedModel& model, int seed, const fs::path& log,
                     const fs::path& scratch);
  ExternalResult with_retries(const EvaluatedModel& model, int seed, ExternalScore& score);
  void combine(const std::vector<ExternalResult>& results, ExternalScore& score) const;
  void check_rows(const ExternalResult& result);
  void wait_for(Child& child, const std::function<bool()>& done) const;
  fs::path cached(const EvaluatedModel& model) const;

  EvaluatorOptions options_;
  std::optional<std::int64_t> rows_;
  std::unique_ptr<Child> server_;
  std::int64_t asked_ = 0;
};

}  // namespace stockpot
