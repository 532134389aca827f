// Members of a config file's object, with their types and ranges checked. A member that is
// null counts as absent, as for the Python libraries that wrote it. All functions throw
// FormatError naming the file and the key.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

class ConfigReader {
 public:
  // Both must outlive this reader. `prefix` names the object in errors: "pretrained_cfg.".
  ConfigReader(const Json& object, const fs::path& file, std::string prefix = "");

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const Json* find(std::string_view key) const;  // nullptr when absent or null

  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t lowest,
                       std::int64_t highest) const;
  double number(std::string_view key, double fallback, double lowest, double highest) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::string string(std::string_view key, std::string_view fallback) const;
  std::vector<std::int64_t> integers(std::string_view key, std::size_t count, std::int64_t lowest,
                                     std::int64_t highest) const;
  std::vector<std::string> strings(std::string_view key) const;
  std::array<float, 3> colour(std::string_view key, std::array<float, 3> fallback,
                              double lowest) const;
  // Height and width from {"height": h, "width": w}, [h, w] or one number for both.
  std::pair<std::int64_t, std::int64_t> size(std::string_view key, std::int64_t fallback) const;
  // The object under `key`; an empty one when absent.
  ConfigReader child(std::string_view key) const;

  [[noreturn]] void fail(std::string_view key, const std::string& problem) const;
  const Json& object() const { return object_; }

 private:
  std::int64_t in_range(std::string_view key, const Json& value, std::int64_t lowest,
                        std::int64_t highest) const;

  const Json& object_;
  const fs::path& file_;
  std::string prefix_;
};

}  // namespace stockpot
