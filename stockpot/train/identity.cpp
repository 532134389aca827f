#include "stockpot/train/identity.h"

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

std::string shown(const Json* value) {
  if (value == nullptr) return "not given";
  constexpr std::size_t kLongest = 80;
  const std::string text = value->dump();
  return text.size() > kLongest ? printable(text.substr(0, kLongest - 3)) + "..." : printable(text);
}

// Depth is bounded: a Json value is at most 64 deep.
void compare(const std::string& name, const Json* saved, const Json* now,
             std::vector<std::string>& differences) {
  if (saved != nullptr && now != nullptr && saved->is_object() && now->is_object()) {
    const std::string prefix = name.empty() ? "" : name + ".";
    for (const auto& [key, value] : saved->members())
      compare(prefix + key, &value, now->find(key), differences);
    for (const auto& [key, value] : now->members())
      if (saved->find(key) == nullptr) compare(prefix + key, nullptr, &value, differences);
    return;
  }
  if (saved != nullptr && now != nullptr && *saved == *now) return;
  differences.push_back(printable(name) + " was " + shown(saved) + " and is " + shown(now));
}

}  // namespace

std::vector<std::string> identity_differences(const Json& saved, const Json& now) {
  std::vector<std::string> differences;
  // As it reads back from a file: a whole number written from a double comes back an integer.
  const Json written = Json::parse(now.dump(), "the identity of this run");
  compare("", &saved, &written, differences);
  return differences;
}

}  // namespace stockpot
