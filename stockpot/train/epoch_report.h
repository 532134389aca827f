// What is known at the end of an epoch.
#pragma once

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {

struct EpochReport {
  int epoch = 0, epochs = 0;  // 1-based
  double train_loss = 0;      // mean over the epoch, without penalties
  double train_accuracy = 0;  // on the batches as trained
  Accuracy held_out;
  double held_out_loss = 0;
  double learning_rate = 0;  // at the end of the epoch
  double seconds = 0, seconds_left = 0, images_per_second = 0;

  Json to_json() const;
  // Throws FormatError when a member is missing. A number that was not finite is NaN.
  static EpochReport from_json(const Json& json);
};

}  // namespace stockpot
