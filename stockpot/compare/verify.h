// Is a checkpoint whole? Everything that a file says about itself is compared with what is there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/compare/finding.h"

namespace stockpot {

struct VerifiedFile {
  fs::path path;
  std::uint64_t bytes = 0;
  std::string sha256;  // when asked for
};

struct VerifyReport {
  fs::path path;
  std::int64_t tensors = 0;
  std::uint64_t bytes = 0;  // of the tensors
  std::string hash;         // content_hash()
  std::vector<VerifiedFile> files;
  Findings findings;  // one or more for each check; a note says that all is well

  bool whole() const;  // no failure
};

struct VerifyOptions {
  bool sha256 = false;  // of each file
};

// Opens the checkpoint with all checks of reading, then reads every value once, in parallel and
// in little memory: NaN and Inf, the content hash, the CRCs of zip archives, and for a model
// folder of a known architecture whether the tensors are those of config.json. Of a merged
// checkpoint, the hashes in its manifest are compared with it and with its inputs; `path` may be
// the manifest. Throws FormatError when the checkpoint cannot be opened at all.
VerifyReport verify(const fs::path& path, const VerifyOptions& options, Progress& progress);

// The document of docs/checkpoints.md, and the page for a terminal of this width.
Json to_json(const VerifyReport& report);
std::string verify_text(const VerifyReport& report, std::size_t width);

}  // namespace stockpot
