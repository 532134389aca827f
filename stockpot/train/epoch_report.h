// What is known at the end of an epoch.
#pragma once

#include <cstdint>

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot {

struct EpochReport {
  int epoch = 0, epochs = 0;  // 1-based
  std::int64_t step = 0;      // the epoch's last, of the whole run; 0: not known (older states)
  double train_loss = 0;      // mean over the epoch, without penalties
  double train_accuracy = 0;  // on the batches as trained
  Accuracy held_out;
  double held_out_loss = 0;
  double learning_rate = 0;  // at the end of the epoch
  double seconds = 0, seconds_left = 0, images_per_second = 0;
  // Of the training time, spent on waiting for pictures while the device had nothing to do: at
  // most, since when it ran out of work is not known.
  double data_share = 0;

  Json to_json() const;
  // Throws FormatError when a member is missing. A number that was not finite is NaN.
  static EpochReport from_json(const Json& json);
};

}  // namespace stockpot
