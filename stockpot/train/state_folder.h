// The states that a training run saves to be continued: a folder of directories step-000123,
// each with
//   tensors.safetensors   every buffer that training goes on from
//   state.json            the identity of the run and everything that is not a tensor
//   manifest.json         sizes and SHA-256 of both; made last
// and a file `latest` that names the newest. A directory is built under a temporary name,
// brought to the disk and renamed, so that it is whole or absent; the two newest are kept. No
// LibTorch in here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {

// The version of the layout above and of what state.json holds.
inline constexpr std::int64_t kStateVersion = 1;

struct SavedState {
  std::int64_t step = 0;
  fs::path folder;
  SafetensorsFile tensors;
  Json state;
};

// A saved state that continuing here would spoil: of another recipe, build or number of threads, or
// written by a newer version.
class StateOfAnotherRun : public UsageError {
 public:
  using UsageError::UsageError;
};

struct StateFolderOptions {
  // What has to be the same for a saved state to be continued: recipe, data, build, threads.
  Json identity = Json::object();
  // Continue a state of another identity: the differences become a warning and a record.
  bool force = false;
  std::function<void(const std::string&)> on_warning = {};
};

class StateFolder {
 public:
  // Makes the folder when it is missing, locks it while this lives and removes what dead
  // processes left in it. Throws WriteError, BusyError.
  StateFolder(fs::path folder, StateFolderOptions options);

  // The newest state whose manifest verifies; nothing when there is none. A damaged one is set
  // aside as damaged-000123 with a warning, and the one before is taken. Throws StateOfAnotherRun
  // for a state of another identity, naming the differences, and for one of a newer version.
  std::optional<SavedState> load();

  // Returns when the state is on the disk. Throws WriteError; what was saved before stays.
  void save(std::int64_t step, std::span<const TensorView> tensors, const Json& state);

  const fs::path& path() const { return folder_; }

 private:
  void warn(const std::string& text) const;
  void check_identity(SavedState& saved);
  void set_aside(std::int64_t step);
  void point_at(std::int64_t step);
  void remove_older();

  fs::path folder_;
  StateFolderOptions options_;
  std::optional<FolderLock> lock_;
  Json forced_ = Json::array();  // differences that were overridden, kept in every later state
};

// "step-000123"
std::string state_name(std::int64_t step);

}  // namespace stockpot
