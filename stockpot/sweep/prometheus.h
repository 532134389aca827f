// A sweep as a text file that Prometheus's node exporter collects (its textfile collector).
#pragma once

#include <string>

#include "stockpot/base/file.h"
#include "stockpot/sweep/board.h"

namespace stockpot {

// Text exposition format 0.0.4; `sweep` is a label of every sample.
std::string prometheus_text(const Board& board, const std::string& sweep);

// Replaces the file in one step, without waiting for the disk. Throws WriteError.
void write_prometheus(const fs::path& file, const Board& board, const std::string& sweep);

}  // namespace stockpot
