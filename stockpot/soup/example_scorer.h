// Scores soups by looking at held-out examples, and at no more of them than the decision needs.
//
// Early rejection: as soon as the examples seen prove that the soup will not be accepted, whatever
// it says about the others, the pass ends. Any order of the examples gives the same decisions as
// the whole pass; the best one starts with those that will be wrong. They are told from logits
// that are known already: the logits of a mean of models lie near the mean of their logits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/metrics/metric.h"
#include "stockpot/soup/logits_shelf.h"
#include "stockpot/soup/mixer.h"
#include "stockpot/soup/request.h"

namespace stockpot {

// The models, as somebody else runs them.
struct ExampleModel {
  // Makes request.members() the soup that forward() runs.
  std::function<SoupMixer::Mix(const SoupRequest& request)> load;
  // Logits of these rows of the held-out set: rows x classes.
  std::function<void(std::span<const std::int64_t> rows, std::span<float> logits)> forward;
  // A candidate's logits on all rows, when they are known from elsewhere; may be empty. They are
  // its score by itself, without a pass.
  std::function<std::optional<ShelvedLogits>(std::size_t candidate)> known = {};
};

struct ExampleOptions {
  MetricKind metric = MetricKind::accuracy;
  std::int64_t batch = 256;         // rows of a forward pass at most
  std::int64_t smallest_batch = 8;  // and at least, where fewer would do to decide
  // By how much the logits of a row may change with the rows beside it, over its largest logit: 0
  // when they are the same bits. Rows nearer to a tie than that prove nothing; a soup that is not
  // rejected and has such rows is scored once more, in the rows' own order.
  double noise = 0;
  std::vector<std::string> keys = {};  // of the candidates' contents, as the ledger has them
  fs::path shelf = {};                 // folder for logits; empty: memory
};

class ExampleScorer {
 public:
  // `truth`: labels and groups of the held-out set, its logits are not looked at; must outlive
  // the scorer. Throws what Tally throws.
  ExampleScorer(const Predictions& truth, ExampleModel model, ExampleOptions options);

  // Stops early only with request.stop and when can_stop().
  Evaluation operator()(const SoupRequest& request);
  // Whether parts of the examples can prove a rejection.
  bool can_stop() const;

 private:
  struct Pass;
  std::optional<Evaluation> known_alone(const SoupRequest& request) const;
  std::vector<std::int64_t> order_for(const SoupRequest& request) const;
  void run(Pass& pass, const StopRule* stop);
  std::int64_t next_batch(const Pass& pass, const StopRule* stop) const;

  const Predictions& truth_;
  ExampleModel model_;
  ExampleOptions options_;
  LogitsShelf shelf_;
};

}  // namespace stockpot
