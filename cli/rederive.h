// Makes the output of a manifest again, without writing it.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"

namespace stockpot::cli {

struct Rederived {
  std::string hash;                       // of the output, made anew
  std::vector<std::string> input_hashes;  // models, then the base if there is one
};

// Reads the models that the manifest's command names and merges them as it says; nothing but
// average, interpolate and merge is ever run. Throws FormatError naming `file` for a command that
// cannot be read, and what the merge throws.
Rederived rederive(const Json& manifest, const fs::path& file, Progress& progress);

}  // namespace stockpot::cli
