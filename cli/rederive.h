// Makes the output of a manifest again, without writing it.
#pragma once

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/compare/verify.h"

namespace stockpot::cli {

// Reads the models that the manifest's command names and merges or converts them as it says;
// nothing but average, interpolate, merge and convert is ever run. Throws FormatError naming `file`
// for a command that cannot be read, and what that work throws.
MadeAgain rederive(const Json& manifest, const fs::path& file, Progress& progress);

}  // namespace stockpot::cli
