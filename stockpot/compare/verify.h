// Is a checkpoint whole? Everything that a file says about itself is compared with what is there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

// What came out when an output was made anew from the inputs of its manifest.
struct MadeAgain {
  std::string output;                         // content_hash() of it
  std::map<std::string, std::string> inputs;  // content_hash() by path
};

struct VerifyOptions {
  bool sha256 = false;  // of each file
  // Makes the output of a manifest with a `command` again; empty: it is not made again. Inputs
  // whose hashes it tells are not read once more.
  std::function<MadeAgain(const Json& manifest, const fs::path& file, Progress& progress)>
      make_again = {};
};

// Opens the checkpoint with all checks of reading, then reads every value once, in parallel and
// in little memory: NaN and Inf, the content hash, the CRCs of zip archives, and for a model
// folder of a known architecture whether the tensors are those of config.json. Of a
// checkpoint with a manifest, the hashes in it are compared with it and with its inputs, and it is
// made again; `path` may be the manifest. Throws FormatError when the checkpoint cannot be opened
// at all.
VerifyReport verify(const fs::path& path, const VerifyOptions& options, Progress& progress);

// The document of docs/checkpoints.md, and the page for a terminal of this width.
Json to_json(const VerifyReport& report);
std::string verify_text(const VerifyReport& report, std::size_t width);

}  // namespace stockpot
