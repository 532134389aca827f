// Scores soups by an external program (evaluator/external.h): each is written where the program
// can read it, and is gone before the next one is made.
#pragma once

#include <optional>

#include "stockpot/evaluator/external.h"
#include "stockpot/soup/mixer.h"
#include "stockpot/soup/request.h"

namespace stockpot {

struct CandidatePlace {
  fs::path folder;  // candidates are written in folders of their own in here
  bool in_memory = false;
};

// Where candidates of so many bytes lie: in `wanted` when it is given; else in memory when there
// is room, else in `otherwise`.
CandidatePlace candidate_place(std::uint64_t bytes, const fs::path& wanted,
                               const fs::path& otherwise);

struct ExternalScorerOptions {
  fs::path source;  // the first model: its config and tokenizer files come along
  CandidatePlace place;
  Container container = Container::safetensors;  // of folders
  bool as_folder = false, as_file = true;        // what is written; both are possible
  bool stop_on_failure = false;
};

// What the evaluator's command asks for, and for models like the first one when it does not say.
// A single file is always safetensors, and so is the folder beside it.
void choose_form(const ExternalEvaluator& evaluator, const Checkpoint& first,
                 ExternalScorerOptions& options);

class ExternalScorer {
 public:
  // Mixer and evaluator must outlive it.
  ExternalScorer(SoupMixer& mixer, ExternalEvaluator& evaluator, ExternalScorerOptions options)
      : mixer_(mixer), evaluator_(evaluator), options_(std::move(options)) {}

  // Throws RunError for a failure with stop_on_failure, and what the mixer and the evaluator
  // throw.
  Evaluation operator()(const SoupRequest& request);

 private:
  SoupMixer::Mix write(const SoupRequest& request, const fs::path& folder, EvaluatedModel& model);

  SoupMixer& mixer_;
  ExternalEvaluator& evaluator_;
  ExternalScorerOptions options_;
};

}  // namespace stockpot
