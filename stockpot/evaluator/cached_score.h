// Scores on disk, for models that were scored before.
#pragma once

#include <optional>

#include "stockpot/evaluator/external.h"

namespace stockpot {

// Nothing when there is no such file, or when it is none that write_score() made: a cache is never
// a reason to fail.
std::optional<ExternalScore> read_score(const fs::path& file);
// A file system that refuses it costs the next search time, and is not told.
void write_score(const fs::path& file, const ExternalScore& score);

}  // namespace stockpot
