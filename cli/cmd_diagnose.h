// What `stockpot diagnose distortion` was asked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace stockpot::cli {

struct DiagnoseArgs {
  std::filesystem::path before;
  std::vector<std::filesystem::path> after;
  std::vector<std::string> id, ood;  // sources; ood as NAME=SOURCE
  bool skip_unreadable = false;
  double share = 0.95;  // of the variance that a span holds
  std::optional<std::int64_t> rank;
  std::uint64_t seed = 0;
  bool layers = true;         // movement of stem and blocks, too
  std::filesystem::path out;  // folder, or empty
  bool overwrite = false;
};

}  // namespace stockpot::cli
