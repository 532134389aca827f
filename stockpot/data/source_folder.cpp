// Pictures in a folder: root/<class>/**/<picture>.
#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/sources.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepest = 64;

struct Entry {
  fs::path path;
  bool is_folder = false;
};

// What lies in a folder, links followed, dot-files left out, in byte order of the names (so
// that the first error is the same on every file system).
std::vector<Entry> list_folder(const fs::path& folder) {
  std::vector<Entry> entries;
  std::error_code error;
  fs::directory_iterator next(folder, error);
  for (; !error && next != fs::directory_iterator(); next.increment(error)) {
    if (next->path().filename().native().starts_with('.')) continue;
    std::error_code unreadable;
    const fs::file_status status = next->status(unreadable);
    if (unreadable == std::errc::too_many_symbolic_link_levels) {
      throw FormatError(next->path(), "this link leads back to itself");
    }
    if (status.type() == fs::file_type::not_found) {
      throw FormatError(next->path(), "this link leads nowhere");
    }
    if (unreadable) throw FormatError(next->path(), unreadable.message());
    entries.push_back({next->path(), fs::is_directory(status)});
  }
  if (error) throw FormatError(folder, "cannot list this folder: " + error.message());
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.path.native() < b.path.native(); });
  return entries;
}

class FolderWalk {
 public:
  FolderWalk(const SourceSpec& source, const Wanted& wanted)
      : root_(source.path), stem_(source_stem(source.path)), wanted_(wanted) {}

  std::vector<Sample> run() {
    std::error_code error;
    if (!fs::is_directory(root_, error)) throw FormatError(root_, "not a folder");
    bool any_class = false;
    enter(root_);
    for (const Entry& entry : list_folder(root_)) {
      if (!entry.is_folder) continue;
      any_class = true;
      class_name_ = entry.path.filename().string();
      const std::int64_t before = found_;
      walk(entry.path, stem_ + "/" + class_name_);
      if (found_ == before) {
        throw FormatError(entry.path, "this class folder holds no images");
      }
    }
    if (!any_class) {
      throw FormatError(root_, "no class folders; expected <class>/<image> below it");
    }
    return std::move(samples_);
  }

 private:
  // Follows links, but never into a folder that it is inside of already.
  void enter(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) throw FormatError(folder, "cannot be read");
    const std::pair<dev_t, ino_t> identity{status.st_dev, status.st_ino};
    if (std::find(inside_.begin(), inside_.end(), identity) != inside_.end()) {
      throw FormatError(folder, "a loop of links: this folder leads back to one that it is in");
    }
    if (inside_.size() > kDeepest) throw FormatError(folder, "folders nested deeper than 64");
    inside_.push_back(identity);
  }

  void walk(const fs::path& folder, const std::string& id) {
    enter(folder);
    for (const Entry& entry : list_folder(folder)) {
      const std::string entry_id = id + "/" + entry.path.filename().string();
      if (entry.is_folder) {
        walk(entry.path, entry_id);
      } else if (has_image_name(entry.path)) {
        add(entry.path, entry_id);
      }
    }
    inside_.pop_back();
  }

  void add(const fs::path& file, const std::string& id) {
    if (++found_ > kMostFiles) throw FormatError(root_, "more than 10,000,000 images");
    if (!wanted_(class_name_, file.stem().string())) return;
    Sample sample;
    sample.id = id;
    sample.class_name = class_name_;
    sample.origin = printable(file.string());
    sample.file = file;
    samples_.push_back(std::move(sample));
  }

  const fs::path& root_;
  std::string stem_, class_name_;
  const Wanted& wanted_;
  std::vector<std::pair<dev_t, ino_t>> inside_;
  std::int64_t found_ = 0;
  std::vector<Sample> samples_;
};

}  // namespace

std::vector<Sample> find_in_folder(const SourceSpec& source, const Wanted& wanted) {
  return FolderWalk(source, wanted).run();
}

}  // namespace stockpot
