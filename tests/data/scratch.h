// Small folders, pictures and archives for tests, in a temporary folder of their own.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/data/dataset.h"

namespace stockpot {

namespace fs = std::filesystem;

// A temporary folder, removed with everything in it.
class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "stockpot-data-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

  fs::path write(const std::string& name, std::string_view contents) const {
    const fs::path file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << contents;
    return file;
  }

 private:
  fs::path path_;
};

// A 6 x 4 picture whose pixels follow from `seed`.
inline Image picture(int seed) {
  Image image{4, 6, std::vector<std::uint8_t>(4 * 6 * 3)};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] =
        static_cast<std::uint8_t>(31 * i + 7 * static_cast<unsigned>(seed) * (i % 5 + 1));
  }
  return image;
}

inline std::string png(int seed) {
  const std::vector<std::byte> bytes = encode_png(picture(seed));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The members of an archive to be written: regular files unless changed.
struct Member {
  std::string name, contents;
  unsigned type = AE_IFREG;
  std::string link = {};
  bool hard = false;
};

inline void write_tar(const fs::path& file, const std::vector<Member>& members,
                      int filter = ARCHIVE_FILTER_NONE, int format = ARCHIVE_FORMAT_TAR_GNUTAR) {
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), archive_write_free);
  archive_write_set_format(out.get(), format);
  archive_write_add_filter(out.get(), filter);
  archive_write_open_filename(out.get(), file.c_str());
  for (const Member& member : members) {
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         archive_entry_free);
    archive_entry_set_pathname(entry.get(), member.name.c_str());
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_filetype(entry.get(), member.type);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.contents.size()));
    if (member.hard) {
      archive_entry_set_hardlink(entry.get(), member.link.c_str());
    } else if (member.type == AE_IFLNK) {
      archive_entry_set_symlink(entry.get(), member.link.c_str());
    }
    archive_write_header(out.get(), entry.get());
    archive_write_data(out.get(), member.contents.data(), member.contents.size());
  }
  archive_write_close(out.get());
}

inline SourceSpec source(const fs::path& path) {
  SourceSpec result;
  result.path = path;
  return result;
}

inline ImageDataset load(const std::vector<SourceSpec>& sources, const LoadOptions& options = {}) {
  return ImageDataset::load({sources, {}, false}, options);
}

inline ImageDataset load(const fs::path& path) { return load({source(path)}); }

inline std::vector<std::string> ids(const ImageDataset& set) {
  std::vector<std::string> result;
  for (std::int64_t i = 0; i < set.size(); ++i) result.push_back(set.id(i));
  return result;
}

// What the action throws, or "" if nothing.
template <typename Error, typename Action>
std::string message(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << text << "' does not hold '" << part << "'";
}

}  // namespace stockpot
