// Runs the built programs as a user would, and makes the small world they work in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../base/temporary_folder.h"

namespace stockpot {

struct Outcome {
  int code = 0;     // exit code, or 128 + the signal
  std::string out;  // stdout
  std::string err;  // stderr
};

// Runs `stockpot` with these arguments in `folder`, with the lines of `environment` added.
Outcome stockpot(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment = {});

// Starts it and sends `signal` as soon as `file` exists; waits for its end.
Outcome stockpot_signalled(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments,
                           const std::filesystem::path& file, int signal);

// A folder with a small model (ResNet, 48 x 48), pictures of five classes (train, val) and a
// recipe that trains on them for a few seconds.
class SmallWorld {
 public:
  SmallWorld();
  const std::filesystem::path& path() const { return folder_.path(); }
  std::filesystem::path operator/(const std::string& name) const { return path() / name; }
  // Replaces `from` by `to` in a text file of the world.
  void edit(const std::string& file, const std::string& from, const std::string& to) const;

 private:
  TemporaryFolder folder_;
};

std::string slurp(const std::filesystem::path& file);
inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
// Content hashes of every file below `folder` that does not depend on the clock (logs with
// times and reports are left out), by relative path.
std::vector<std::pair<std::string, std::string>> lasting_files(const std::filesystem::path& folder);

}  // namespace stockpot
