// The record that every checkpoint made from others carries: from what, how, and what came out
// (docs/checkpoints.md has the members). With it, `verify` makes the same bytes again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/checkpoint/convert.h"
#include "stockpot/merge/plan.h"
#include "stockpot/merge/run.h"

namespace stockpot {

struct ManifestFacts {
  std::vector<std::string> command;  // the arguments but for the output, with absolute paths
  std::string method;                // "average", "ties", ...
  std::string batchnorm, integers;   // the policies as the command line names them
  Container container = Container::safetensors;
  std::vector<fs::path> files;  // of the output
};

Json make_manifest(const MergePlan& plan, const MergeMethod& method, const MergeOutcome& outcome,
                   const ManifestFacts& facts);

// The same of one checkpoint written again.
struct ConversionManifestFacts {
  std::vector<std::string> command;  // as above
  Json options;                      // what decides about the values
  Container container = Container::safetensors;
  std::vector<fs::path> files;
};
Json make_manifest(const Checkpoint& source, const ConversionPlan& plan,
                   const ConversionHashes& hashes, const ConversionManifestFacts& facts);

// Where the manifest of an output lies: stockpot.json inside of a folder, NAME.manifest.json
// beside a file.
inline constexpr std::string_view kManifestInFolder = "stockpot.json";
inline constexpr std::string_view kManifestEnding = ".manifest.json";
fs::path manifest_path(const fs::path& output);

}  // namespace stockpot
