// Files that appear whole and are never replaced: of several writers the first one wins.
#pragma once

#include <string_view>

#include "stockpot/base/file.h"

namespace stockpot {

// Writes `text` to `staging`, brings it to the disk and gives it the name `target`, in one step
// that fails when something of that name is there already; then returns false. Both must lie on
// one file system, and nobody else may use `staging`. Throws WriteError.
bool publish_once(const fs::path& staging, const fs::path& target, std::string_view text);

// Creates `file` with these contents when nothing has its name; false when something has. A
// process killed on the way may leave the file short. Throws WriteError.
bool create_once(const fs::path& file, std::string_view contents);

}  // namespace stockpot
