#include "stockpot/pipeline/metrics_log.h"

namespace stockpot {

void MetricsLog::write(const Json& record) {
  append_line(folder_ / "metrics.jsonl", record.dump());
  std::string header, line;
  for (const auto& [key, value] : record.members()) {
    header += (header.empty() ? "" : ",") + key;
    line += (line.empty() ? "" : ",") + value.dump();
  }
  if (!header_written_) append_line(folder_ / "metrics.csv", header);
  header_written_ = true;
  append_line(folder_ / "metrics.csv", line);
}

}  // namespace stockpot
