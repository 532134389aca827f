// Real data and pretrained models, which tests use when they are there.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace stockpot {

// $STOCKPOT_SHARED, or the folder `shared` beside the checkout. It may be absent.
inline std::filesystem::path shared_folder() {
  const char* folder = std::getenv("STOCKPOT_SHARED");
  return folder ? std::filesystem::path(folder)
                : std::filesystem::path(STOCKPOT_SOURCE_DIR) / ".." / "shared";
}

}  // namespace stockpot
