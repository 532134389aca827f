// What a weights file or a model folder holds, without running or converting anything.
#pragma once

#include <string>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

// For a file, an index of shards or a folder. Members: schema_version (1), path, kind
// ("file", "sharded", "folder" or "model_folder"), files, tensor_count, parameters (elements
// of floating-point tensors but BatchNorm's running statistics), bytes, dtypes {name: number
// of tensors}, metadata, notes, model (null, or library, architecture, classes, feature_size,
// resize, crop, interpolation, mean, std and labels) and tensors [{name, dtype, shape,
// bytes}]. Throws FormatError when there are no weights to read; a config.json that cannot be
// used becomes a note.
Json describe(const fs::path& path);

// The same as a page for a terminal, ending in a newline. Names are made printable.
std::string describe_text(const Json& description);

}  // namespace stockpot
