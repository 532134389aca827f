#include "stockpot/sweep/params_file.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

std::string difference(const Json& there, const Json& here, const std::string& name) {
  if (there == here) return "";
  if (!there.is_object() || !here.is_object())
    return name + " is " + there.dump() + " there, " + here.dump() + " here";
  for (const auto& [key, value] : here.members()) {
    const std::string path = name.empty() ? key : name + "." + key;
    const Json* other = there.find(key);
    if (!other) return path + " is absent there, " + value.dump() + " here";
    if (const std::string found = difference(*other, value, path); !found.empty()) return found;
  }
  for (const auto& [key, value] : there.members())
    if (!here.find(key))
      return (name.empty() ? key : name + "." + key) + " is " + value.dump() +
             " there, absent here";
  return "";  // the same members in another order
}

}  // namespace

std::string first_difference(const Json& there, const Json& here) {
  return difference(there, here, "");
}

bool check_params(const fs::path& trial_folder, const Json& params) {
  const fs::path file = trial_folder / "params.json";
  std::error_code error;
  bool torn = false;
  if (fs::exists(file, error)) {
    Json there;
    try {
      there = Json::read(file);
    } catch (const FormatError&) {
      torn = true;
    }
    // Through text and back: a number reads back as it is written, whole ones as integers.
    const Json here = Json::parse(params.dump(), file);
    const std::string found = torn ? "" : first_difference(there, here);
    if (!found.empty())
      throw UsageError(printable(trial_folder.string()) + " was made with other settings: " +
                       printable(found) + "; name another folder, or remove this one");
    if (!torn) return false;
  }
  write_file(file, params.dump(2) + "\n");
  return torn;
}

}  // namespace stockpot
