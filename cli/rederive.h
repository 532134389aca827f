// Makes the output of a manifest again, without writing it.
#pragma once

#include <string>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"

namespace stockpot::cli {

// The content hash of the output, made anew: reads the models that the manifest's command names and
// merges them as it says; nothing but average, interpolate and merge is ever run. Throws
// FormatError naming `file` for a command that cannot be read, and what the merge throws.
std::string rederive(const Json& manifest, const fs::path& file, Progress& progress);

}  // namespace stockpot::cli
