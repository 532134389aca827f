// The manifest of what `lora merge` and `lora soup` write.
#pragma once

#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot::cli {

struct LoraManifestFacts {
  std::string method;  // "lora merge" or "lora soup"
  Json options;        // scale, rank
  std::vector<fs::path> adapters;
  std::vector<double> weights;  // of the adapters
  fs::path base;                // empty: the output is an adapter
};

// The members of docs/merging.md but `command`. `written` is where the output lies at the moment
// (a folder that has not appeared yet, or the file). Reads inputs and output once for their hashes.
Json lora_manifest(const LoraManifestFacts& facts, const fs::path& written);

}  // namespace stockpot::cli
