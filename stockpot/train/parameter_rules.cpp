#include "stockpot/train/parameter_rules.h"

#include <cmath>
#include <string>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

bool is_trained(const Parameter& parameter, int blocks, const Freezing& freezing) {
  if (parameter.frozen) return false;
  if (parameter.head) return true;
  switch (freezing.trained) {
    case Trained::all:
      return true;
    case Trained::head:
      return false;
    case Trained::batchnorm:
      return parameter.batchnorm;
    case Trained::top:
      return parameter.block > blocks - freezing.blocks;
    case Trained::without_bottom:
      return parameter.block >= freezing.blocks;
  }
  return true;
}

int first_epoch(const Parameter& parameter, int blocks, const Freezing& freezing) {
  if (parameter.head) return 1;
  // The last block joins first.
  const int place = blocks - parameter.block;
  return freezing.head_epochs + 1 +
         (freezing.unfreeze_every > 0 ? place * freezing.unfreeze_every : 0);
}

}  // namespace

ParameterRule rule_of(const Parameter& parameter, int blocks, const FitOptions& options) {
  ParameterRule rule;
  // pow(1, n) is 1: without layer-wise decay the rate stays as it is, bit for bit.
  rule.rate = std::pow(options.layer_decay, blocks + 1 - parameter.block) *
              (parameter.head ? options.head_rate : 1);
  rule.weight_decay = parameter.decay ? options.weight_decay : 0;
  rule.first_epoch = is_trained(parameter, blocks, options.freezing)
                         ? first_epoch(parameter, blocks, options.freezing)
                         : kNever;
  return rule;
}

void check_freezing(const Classifier& model, const FitOptions& options) {
  const Freezing& freezing = options.freezing;
  if (freezing.trained == Trained::batchnorm && !model.has_batchnorm())
    throw UsageError("only BatchNorm is to be trained, but this model has none");
  const bool counts =
      freezing.trained == Trained::top || freezing.trained == Trained::without_bottom;
  if (counts && (freezing.blocks < 0 || freezing.blocks > model.blocks() + 1))
    throw UsageError("the model has a stem and " + std::to_string(model.blocks()) +
                     " blocks; freezing counts " + std::to_string(freezing.blocks));
  if (freezing.head_epochs < 0 || freezing.unfreeze_every < 0)
    throw UsageError("numbers of epochs for unfreezing must be 0 or more");
}

}  // namespace stockpot
