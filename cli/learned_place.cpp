#include "cli/learned_place.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/train/identity.h"

namespace stockpot::cli {

bool LearnedPlace::finished(const Json& identity, bool overwrite) const {
  std::error_code ignored;
  const std::string shown = printable(output_.native());
  if (fs::exists(output_, ignored) && !fs::is_directory(output_, ignored))
    throw UsageError(shown + " exists and is no folder; name another output");
  if (!fs::exists(result_file(), ignored)) {
    if (fs::exists(output_, ignored) && !fs::is_empty(output_, ignored) &&
        !fs::exists(state_folder(), ignored) && !fs::exists(start_file(), ignored))
      throw UsageError(shown +
                       " exists and holds no learned soup to go on with; name another output");
    return false;
  }
  const Json result = Json::read(result_file());
  const Json* before = result.find("identity");
  if (before == nullptr || before->find("rows") == nullptr)
    throw UsageError(shown + " holds the result of another command; name another output");
  if (overwrite) {
    for (const fs::path& path : {result_file(), start_file()}) fs::remove(path, ignored);
    fs::remove_all(state_folder(), ignored);
    return false;
  }
  const std::vector<std::string> differences = identity_differences(*before, identity);
  if (!differences.empty())
    throw UsageError(shown + " holds a soup that was learned otherwise: " +
                     join(differences, "; ") + "; --overwrite replaces it");
  return fs::exists(model_folder(), ignored);  // else it is made again
}

std::optional<LearnedStart> LearnedPlace::start(const Json& identity) const {
  std::error_code ignored;
  if (!fs::exists(start_file(), ignored)) return std::nullopt;
  const Json saved = Json::read(start_file());
  const Json *before = saved.find("identity"), *start = saved.find("start");
  if (before == nullptr || start == nullptr || *before != identity) return std::nullopt;
  return LearnedStart::from_json(*start);
}

void LearnedPlace::keep(const LearnedStart& start, const Json& identity) const {
  write_file(start_file(),
             Json::object({{"identity", identity}, {"start", start.to_json()}}).dump(2) + "\n");
}

void LearnedPlace::finish(const Json& result) const {
  write_file(result_file(), result.dump(2) + "\n");
  std::error_code ignored;
  fs::remove_all(state_folder(), ignored);
  fs::remove(start_file(), ignored);
}

}  // namespace stockpot::cli
