#include "stockpot/pipeline/run_folder.h"

#include <cctype>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/recipe/resolved.h"
#include "stockpot/sweep/params_file.h"

namespace stockpot {
namespace {

constexpr const char* kMark = "run.json";

}  // namespace

Json to_json(const Accuracy& accuracy) {
  return Json::object({{"correct", accuracy.correct}, {"total", accuracy.total}});
}

Accuracy accuracy_from_json(const Json& json) {
  const Json* correct = json.find("correct");
  const Json* total = json.find("total");
  if (!correct || !total) throw FormatError("an accuracy needs correct and total");
  return {correct->as_integer(), total->as_integer()};
}

std::string file_name_for(const std::string& name) {
  std::string safe = name;
  for (char& c : safe) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    if (!plain) c = '_';
  }
  if (safe.size() > 100) safe.resize(100);
  if (safe != name || safe.empty() || safe.front() == '.')
    safe = "set-" + safe + "-" + sha256(name).substr(0, 8);
  return safe;
}

RunFolder::RunFolder(const fs::path& path, const Recipe& recipe, const Json& identity)
    : path_(path) {
  std::error_code error;
  const bool begun = fs::exists(path / kMark, error) || fs::exists(path / "sweep.json", error);
  if (fs::exists(path, error) && !begun) {
    if (!fs::is_directory(path, error))
      throw UsageError(printable(path.string()) + " exists and is not a folder");
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().filename() != ".lock")
        throw UsageError(printable(path.string()) +
                         ": this folder exists and was not made by stockpot run; name another "
                         "one with --out");
  }
  fs::create_directories(path / "runs", error);
  if (!error) fs::create_directories(path / "soups", error);
  if (error) throw WriteError(path, "create", error.value());
  lock_ = std::make_unique<FolderLock>(path);
  mark(identity);
  // With everything written out and its paths absolute: workers need no other file.
  write_file(path / "recipe.yaml", resolved_yaml(recipe));
  remove_leftovers(path / "runs");
  remove_leftovers(path);
}

RunFolder RunFolder::join(const fs::path& path, const Json& identity) {
  RunFolder folder(path);
  folder.mark(identity);
  return folder;
}

void RunFolder::mark(const Json& identity) const {
  const fs::path mark = path_ / kMark;
  std::error_code error;
  if (!fs::exists(mark, error)) {
    write_file(mark,
               Json::object({{"schema_version", 1}, {"stockpot", kVersion}, {"identity", identity}})
                       .dump(2) +
                   "\n");
    return;
  }
  const Json before = Json::read(mark);
  const Json* there = before.find("identity");
  if (!there) throw FormatError(mark, "no 'identity' in it; was it edited?");
  if (const std::string difference = first_difference(*there, identity); !difference.empty())
    throw UsageError(printable(path_.string()) + " was made from other inputs: " +
                     printable(difference) + "; name another folder with --out");
}

fs::path logits_file(const fs::path& run, const std::string& set) {
  return run / "logits" / (file_name_for(set) + ".safetensors");
}

std::optional<Json> RunFolder::finished(const fs::path& folder, const Json& inputs) const {
  std::error_code error;
  const fs::path file = folder / "result.json";
  if (!fs::exists(file, error)) return std::nullopt;
  Json result = Json::read(file);
  const Json* there = result.find("inputs");
  if (!there) throw FormatError(file, "no 'inputs' in it; was it edited?");
  const std::string difference = first_difference(*there, inputs);
  if (!difference.empty())
    throw UsageError(printable(folder.string()) +
                     " was made from other inputs: " + printable(difference) +
                     "; name another folder with --out, or remove this one");
  return result;
}

}  // namespace stockpot
