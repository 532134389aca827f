// Event files as TensorBoard reads them: TFRecords (a length and the data, each followed by its
// masked CRC-32C) of Event protocol buffers (tensorflow/core/util/event.proto) with scalars.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

// CRC-32C (Castagnoli) of the bytes, and the form in which TFRecords store it.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t masked_crc32c(std::string_view bytes);

// One record around these bytes.
std::string tf_record(std::string_view data);

using Scalars = std::vector<std::pair<std::string, double>>;

// Events, encoded. `wall_time` is Unix time in seconds.
std::string version_event(double wall_time);  // "brain.Event:2", the first of every file
// Whatever other files of the folder hold from this step on is void: a run was continued.
std::string restart_event(double wall_time, std::int64_t step);
std::string scalar_event(double wall_time, std::int64_t step, const Scalars& scalars);

// A new file in `folder`, which is made when missing; each event is one write, so that a process
// that dies leaves whole records and at most one torn one, which readers skip.
class EventFile {
 public:
  // Named events.out.tfevents.<time>.<host>.<pid>.<number>. Throws WriteError.
  EventFile(const fs::path& folder, double wall_time);
  ~EventFile();
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&&) = delete;

  // Throws WriteError.
  void add(std::string_view event);
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int descriptor_ = -1;
};

}  // namespace stockpot
