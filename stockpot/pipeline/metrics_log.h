// The numbers of a run as they come: metrics.jsonl and metrics.csv, one line a record.
#pragma once

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

class MetricsLog {
 public:
  // Writes into `folder`. The first record replaces what an earlier log left there.
  explicit MetricsLog(fs::path folder) : folder_(std::move(folder)) {}

  // A flat object of numbers, texts and booleans. Every record has the members of the first.
  void write(const Json& record);

 private:
  fs::path folder_;
  bool begun_ = false;
};

}  // namespace stockpot
