#include "stockpot/compare/verify_manifest.h"

#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/config_reader.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/merge/manifest.h"

namespace stockpot {
namespace {

void add(VerifyReport& report, Severity severity, std::string text,
         const char* check = "manifest") {
  report.findings.push_back({severity, check, std::move(text), "", {}, {}});
}

std::string hash_of_input(const ConfigReader& input, const fs::path& path, Progress& progress) {
  progress.status("input " + printable(path.native()));
  OpenOptions options;
  if (input.has("state_key")) options.state_key = input.string("state_key", "");
  return content_hash(Checkpoint::open(path, options));
}

void check_input(const ConfigReader& input, const MadeAgain& again, VerifyReport& report,
                 Progress& progress) {
  const std::string path = input.string("path", ""), hash = input.string("hash", "");
  const std::string name = printable(path);
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return add(report, Severity::warning, "the input " + name + " is not there any more");
  const auto known = again.inputs.find(path);
  const std::string found =
      known != again.inputs.end() ? known->second : hash_of_input(input, path, progress);
  if (found == hash) return add(report, Severity::note, "the input " + name + " is unchanged");
  add(report, Severity::failure,
      "the input " + name + " was changed: its hash is " + found + ", the manifest says " +
          printable(hash));
}

// Fills `again`; the finding says how that went.
Finding make_again(const Json& manifest, const fs::path& file, const VerifyOptions& options,
                   const VerifyReport& report, MadeAgain& again, Progress& progress) {
  Finding finding{
      Severity::note, "rederive", "made again from its inputs: the same, bit for bit", "", {}, {}};
  std::string problem;
  try {
    again = options.make_again(manifest, file, progress);
    if (again.output == report.hash) return finding;
    finding.severity = Severity::failure;
    finding.text = "made again from its inputs, its hash is " + again.output;
    return finding;
  } catch (const FormatError& error) {
    problem = error.what();
  } catch (const UsageError& error) {
    problem = error.what();
  }
  finding.severity = Severity::warning;
  finding.text = "cannot be made again: " + problem;
  return finding;
}

void check_all(const Json& json, const fs::path& file, const VerifyOptions& options,
               VerifyReport& report, Progress& progress) {
  const ConfigReader manifest(json, file);
  if (const auto version = manifest.integer("schema_version", 0, 0, 1'000'000); version != 1)
    throw FormatError(file, "schema_version " + std::to_string(version) +
                                " is not known (known: 1); a newer stockpot may read it");
  const std::string hash = manifest.child("output").string("hash", "");
  if (hash != report.hash)
    add(report, Severity::failure, "the output was changed: the manifest says " + printable(hash));
  else
    add(report, Severity::note, "the output is the one that was written");
  const Json* inputs = manifest.find("inputs");
  if (inputs == nullptr || !inputs->is_array()) manifest.fail("inputs", "a list is expected");
  // Of lora there is no command: only its hashes are compared.
  MadeAgain again;
  std::optional<Finding> remade;
  if (options.make_again && manifest.has("command"))
    remade = make_again(json, file, options, report, again, progress);
  for (const Json& entry : inputs->items())
    check_input(ConfigReader(entry, file, "inputs."), again, report, progress);
  if (remade) report.findings.push_back(*remade);
}

}  // namespace

fs::path checkpoint_of(const fs::path& path) {
  const std::string name = path.filename().native();
  if (name == kManifestInFolder) return path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (name.size() > kManifestEnding.size() && name.ends_with(kManifestEnding))
    return path.parent_path() / name.substr(0, name.size() - kManifestEnding.size());
  return path;
}

void check_manifest(const VerifyOptions& options, VerifyReport& report, Progress& progress) {
  const fs::path file = manifest_path(report.path);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  try {
    check_all(Json::read(file), file, options, report, progress);
  } catch (const FormatError& error) {
    add(report, Severity::failure, error.what());
  }
}

}  // namespace stockpot
