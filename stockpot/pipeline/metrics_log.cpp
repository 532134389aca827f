#include "stockpot/pipeline/metrics_log.h"

namespace stockpot {

void MetricsLog::write(const Json& record) {
  if (!begun_)
    for (const char* name : {"metrics.jsonl", "metrics.csv"}) fs::remove(folder_ / name);
  append_line(folder_ / "metrics.jsonl", record.dump());
  std::string header, line;
  for (const auto& [key, value] : record.members()) {
    header += (header.empty() ? "" : ",") + key;
    line += (line.empty() ? "" : ",") + value.dump();
  }
  if (!begun_) append_line(folder_ / "metrics.csv", header);
  begun_ = true;
  append_line(folder_ / "metrics.csv", line);
}

}  // namespace stockpot
