// What a weights file or a model folder holds, without running or converting anything.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/open_options.h"

namespace stockpot {

struct DescribeOptions {
  bool hash = false;      // also content_hash(): reads all values
  OpenOptions open = {};  // state_key, strict_pickle; `data` follows from `hash`
  // Which tensors to list; null: all. Sums are over all tensors.
  std::function<bool(std::string_view name)> wanted;
};

// For a file, an index of shards or a folder. Members: schema_version (1), path, kind
// ("file", "sharded", "folder" or "model_folder"), format ("safetensors", "torch_zip",
// "torch_legacy" or "torchscript"), files, state_key (where in a torch file the tensors lie),
// scalars {name: number or text} and dropped [{name, what}] beside them, ties [[name]],
// pickle_globals (what the pickles name; none of it is run), tensor_count, parameters (elements
// of floating-point tensors but BatchNorm's running statistics), bytes, dtypes {name: number
// of tensors}, metadata, notes, model (null, or library, architecture, classes, feature_size,
// resize, crop, interpolation, mean, std and labels), hash (null unless asked for) and tensors
// [{name, dtype, shape, bytes}]. A folder that is no model but holds checkpoints has kind
// "collection" and checkpoints [{path, kind, tensor_count, parameters, bytes, dtypes, model,
// error}] instead. Throws FormatError when there are no weights to read; a config.json that
// cannot be used becomes a note. Reads headers only, unless the hash is wanted.
Json describe(const fs::path& path, const DescribeOptions& options = {});

struct DescribePage {
  std::size_t width = 100;
  bool all_tensors = false;  // else long lists are shown by block
};
// The same as a page for a terminal, ending in a newline. Names are made printable.
std::string describe_text(const Json& description, const DescribePage& page = {});

}  // namespace stockpot
