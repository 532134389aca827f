// The manifest of a merged checkpoint against what is there. Private to the room.
#pragma once

#include "stockpot/compare/verify.h"

namespace stockpot {

// The checkpoint that a manifest (stockpot.json, NAME.manifest.json) belongs to; any other path is
// a checkpoint itself.
fs::path checkpoint_of(const fs::path& path);

// Adds to the findings when report.path has a manifest: the hash of the output, those of the inputs
// that are still where they were, and that of the output made again. report.hash must be set.
void check_manifest(const VerifyOptions& options, VerifyReport& report, Progress& progress);

}  // namespace stockpot
