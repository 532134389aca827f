// A folder with the files that the recipes of the tests name.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/recipe/recipe.h"

namespace stockpot {

class RecipeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Tests run in parallel, each in its own process.
    folder_ = std::filesystem::path(::testing::TempDir()) / ("recipe-" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    for (const char* name : {"model", "photos", "sketches"})
      std::filesystem::create_directories(folder_ / name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  using Overrides = std::vector<std::string>;

  Recipe parse(const std::string& text, const Overrides& overrides = {}) const {
    return Recipe::parse(text, folder_ / "r.yaml", overrides);
  }

  // A recipe whose sections after the data are `rest`.
  static std::string with_data(const std::string& rest) {
    return "version: 1\nmodel: model\ndata: {train: photos, val: photos}\n" + rest;
  }

  // The message of the UsageError that the text causes.
  std::string problems(const std::string& text, const Overrides& overrides = {}) const {
    try {
      parse(text, overrides);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    write_file(folder_ / name, text);
  }

  std::filesystem::path folder_;
};

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "in: " << (text)

}  // namespace stockpot
