// Ensembles of logits as a score for walks: what a soup of the same members is compared with, at
// as many times its cost of inference.
#pragma once

#include <functional>
#include <vector>

#include "stockpot/metrics/metric.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/soup/request.h"

namespace stockpot {

// A model's logits on the rows that are looked at; read when they are asked for.
using LogitsOfModel = std::function<Predictions(std::size_t model)>;

// The mean of the members' logits, one member in memory at a time. Throws what LogitSum throws.
Predictions ensemble_logits(const std::vector<std::size_t>& members, const LogitsOfModel& logits);

// Scores ensembles in place of soups (SoupScore): with walk_forward() the greedy ensemble of
// Wortsman et al. 2022. The sum of the ensemble so far is kept, so that a candidate costs one
// reading of its logits. Never stops early.
class LogitEnsemble {
 public:
  LogitEnsemble(LogitsOfModel logits, MetricKind metric)
      : logits_(std::move(logits)), metric_(metric) {}

  Evaluation operator()(const SoupRequest& request);

 private:
  LogitsOfModel logits_;
  MetricKind metric_;
  std::vector<std::size_t> soup_;  // what the sum holds, in this order
  LogitSum sum_;
};

}  // namespace stockpot
