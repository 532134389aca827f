// A folder that lives as long as one test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace stockpot {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "stockpot-test-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Writes a file in the plain way and returns its path.
  std::filesystem::path put(const std::string& name, std::string_view contents) const {
    std::ofstream(path_ / name, std::ios::binary) << contents;
    return path_ / name;
  }

  std::size_t count() const {
    std::size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      entries += entry.exists() ? 1 : 0;
    }
    return entries;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace stockpot
