#include "stockpot/train/state_folder.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/train/identity.h"

namespace stockpot {
namespace {

const std::string kPrefix = "step-", kTensors = "tensors.safetensors", kState = "state.json";
const std::string kManifest = "manifest.json", kLatest = "latest";

// Six digits or more; -1 for any other name.
std::int64_t step_of(const std::string& name) {
  if (!name.starts_with(kPrefix)) return -1;
  const std::string digits = name.substr(kPrefix.size());
  const bool number =
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number && digits.size() >= 6 && digits.size() <= 18 ? std::stoll(digits) : -1;
}

// Newest first.
std::vector<std::int64_t> steps_in(const fs::path& folder) {
  std::vector<std::int64_t> steps;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure))
    if (const std::int64_t step = step_of(it->path().filename().native()); step >= 0)
      steps.push_back(step);
  if (failure) throw FormatError(folder, "cannot list: " + failure.message());
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

Json describe(const fs::path& file) {
  std::error_code failure;
  const std::uint64_t bytes = fs::file_size(file, failure);
  if (failure) throw WriteError(file, "look at what was written", failure.value());
  return Json::object({{"bytes", bytes}, {"sha256", sha256_of_file(file)}});
}

Json manifest_of(const fs::path& folder, std::int64_t step) {
  Json files = Json::object();
  for (const std::string& name : {kTensors, kState}) files.set(name, describe(folder / name));
  Json manifest =
      Json::object({{"version", kStateVersion}, {"step", step}, {"files", std::move(files)}});
  const std::string hash = sha256(manifest.dump());
  manifest.set("sha256", hash);
  return manifest;
}

// Throws FormatError unless the manifest has the hash that its last member gives: a flipped bit
// must not read as a newer version.
Json read_manifest(const fs::path& file) {
  const Json manifest = Json::read(file);
  Json rest = Json::object();
  for (const auto& [key, value] : manifest.members())
    if (key != "sha256") rest.set(key, value);
  const Json* hash = manifest.find("sha256");
  if (hash == nullptr || !hash->is_string() || hash->as_string() != sha256(rest.dump()))
    throw FormatError(file, "does not have the hash that it gives of itself");
  return manifest;
}

void verify_file(const fs::path& file, const Json& expected) {
  std::error_code failure;
  const std::uint64_t size = fs::file_size(file, failure);
  if (failure) throw FormatError(file, failure.message());
  const Json *bytes = expected.find("bytes"), *hash = expected.find("sha256");
  if (bytes == nullptr || hash == nullptr) throw FormatError(file, "is not in the manifest");
  if (size != bytes->as_unsigned())
    throw FormatError(file, "has " + grouped(static_cast<std::int64_t>(size)) + " bytes, not " +
                                grouped(bytes->as_integer()));
  if (sha256_of_file(file) != hash->as_string())
    throw FormatError(file, "its bytes have changed: another SHA-256 than when it was written");
}

// Throws FormatError saying what is damaged, StateOfAnotherRun for a newer version.
SavedState open_state(const fs::path& folder, std::int64_t step) {
  const Json manifest = read_manifest(folder / kManifest);
  const Json* version = manifest.find("version");
  if (version == nullptr || !version->is_integer() || version->as_integer() < 1)
    throw FormatError(folder / kManifest, "has no version");
  if (version->as_integer() > kStateVersion)
    throw StateOfAnotherRun(printable(folder.native()) + ": saved in version " +
                            std::to_string(version->as_integer()) +
                            " of the format by a newer stockpot; " + "this one reads version " +
                            std::to_string(kStateVersion) +
                            ": continue with the newer one, or start in another folder");
  const Json *number = manifest.find("step"), *files = manifest.find("files");
  if (number == nullptr || files == nullptr || number->as_integer() != step)
    throw FormatError(folder / kManifest, "is not of step " + std::to_string(step));
  for (const std::string& name : {kTensors, kState}) {
    const Json* expected = files->find(name);
    if (expected == nullptr) throw FormatError(folder / kManifest, "does not name " + name);
    verify_file(folder / name, *expected);
  }
  return {step, folder, SafetensorsFile(folder / kTensors), Json::read(folder / kState)};
}

}  // namespace

std::string state_name(std::int64_t step) {
  const std::string digits = std::to_string(step);
  return kPrefix + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

StateFolder::StateFolder(fs::path folder, StateFolderOptions options)
    : folder_(std::move(folder)), options_(std::move(options)) {
  std::error_code failure;
  fs::create_directories(folder_, failure);
  if (failure) throw WriteError(folder_, "create", failure.value());
  lock_.emplace(folder_);
  remove_leftovers(folder_);
}

void StateFolder::warn(const std::string& text) const {
  if (options_.on_warning) options_.on_warning(text);
}

std::optional<SavedState> StateFolder::load() {
  std::optional<SavedState> saved;
  std::vector<std::int64_t> damaged;
  for (const std::int64_t step : steps_in(folder_)) {
    try {
      saved.emplace(open_state(folder_ / state_name(step), step));
      break;
    } catch (const FormatError& error) {
      warn("a saved state is damaged: " + std::string(error.what()));
      damaged.push_back(step);
    }
  }
  if (saved) check_identity(*saved);
  if (!damaged.empty())
    warn(saved ? "continuing from the state before, " + state_name(saved->step)
               : "no saved state can be read: training starts from the beginning");
  for (const std::int64_t step : damaged) set_aside(step);
  if (saved) point_at(saved->step);
  return saved;
}

void StateFolder::check_identity(SavedState& saved) {
  const Json *identity = saved.state.find("identity"), *state = saved.state.find("state");
  const Json* forced = saved.state.find("forced");
  if (identity == nullptr || state == nullptr || forced == nullptr)
    throw FormatError(saved.folder / kState, "has no identity");
  const std::vector<std::string> differences = identity_differences(*identity, options_.identity);
  forced_ = *forced;
  if (!differences.empty()) {
    const std::string list = join(differences, "; ");
    const std::string where = printable(saved.folder.native());
    if (!options_.force)
      throw StateOfAnotherRun(
          where + ": is of another run, so continuing it would give neither result: " + list +
          ". Run with what it was saved with, or start in another folder");
    warn(where + ": continued in spite of differences: " + list);
    forced_.push(Json::object({{"step", saved.step}, {"differences", list}}));
  }
  const Json inner = *state;
  saved.state = inner;
}

void StateFolder::set_aside(std::int64_t step) {
  const std::string name = state_name(step);
  const fs::path target = folder_ / ("damaged-" + name.substr(kPrefix.size()));
  std::error_code failure;
  fs::remove_all(target, failure);
  fs::rename(folder_ / name, target, failure);
  if (failure) throw WriteError(folder_ / name, "set aside", failure.value());
}

void StateFolder::point_at(std::int64_t step) {
  const std::string line = state_name(step) + "\n";
  std::error_code failure;
  if (fs::exists(folder_ / kLatest, failure) && read_file(folder_ / kLatest) == line) return;
  write_file(folder_ / kLatest, line);
}

void StateFolder::save(std::int64_t step, std::span<const TensorView> tensors, const Json& state) {
  PendingFolder pending(folder_ / state_name(step));
  write_safetensors(pending.path() / kTensors, tensors);
  write_file(pending.path() / kState,
             Json::object({{"identity", options_.identity}, {"forced", forced_}, {"state", state}})
                     .dump() +
                 "\n");
  write_file(pending.path() / kManifest, manifest_of(pending.path(), step).dump() + "\n");
  pending.publish(/*replace=*/true);
  point_at(step);
  remove_older();
}

// What is removed moves out of sight first: no reader meets half a state, and what a kill leaves
// is cleaned up by the next start.
void StateFolder::remove_older() {
  const std::vector<std::int64_t> steps = steps_in(folder_);
  for (std::size_t i = 2; i < steps.size(); ++i) {
    const PendingFolder bin(folder_ / "old");
    std::error_code ignored;
    fs::rename(folder_ / state_name(steps[i]), bin.path() / "state", ignored);
  }
}

}  // namespace stockpot
