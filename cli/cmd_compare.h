// What `stockpot compare` was asked.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stockpot::cli {

struct CompareArgs {
  std::vector<std::filesystem::path> runs;  // folders with results.json
  std::vector<std::string> methods;         // ids or names; empty: all that are trained
  std::string against;                      // a method of the first run; empty: see cmd_compare.cpp
};

}  // namespace stockpot::cli
