// Finding labelled pictures in folders, archives and tables. Internal to this room: callers
// load an ImageDataset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/data/spec.h"

namespace stockpot {

// One picture that was found but not yet decoded. Its file is either at `file` or, for
// archives, in `bytes`.
struct Sample {
  std::string id;
  std::string class_name;  // after DataSpec::class_map
  std::string group;
  std::string origin;  // for messages, printable: the file, the table's line or the member
  std::filesystem::path file;
  std::vector<std::byte> bytes;
  std::size_t source = 0;  // index into DataSpec::sources
  std::optional<Corruption> corruption = {};
};

// Whether a picture of this class (as the source calls it) and file stem belongs to the set.
// Readers ask exactly once for each picture that the source holds, before they read its
// bytes.
using Wanted = std::function<bool(const std::string& class_name, const std::string& stem)>;

// Each leaves `group` empty unless the source itself names one. See spec.h for what counts
// as a sample, and for the errors.
std::vector<Sample> find_in_folder(const SourceSpec& source, const Wanted& wanted);
std::vector<Sample> find_in_tar(const SourceSpec& source, const Wanted& wanted);
std::vector<Sample> find_in_table(const SourceSpec& source, const Wanted& wanted);

// All samples of all sources, with classes mapped and groups filled in, in no order.
// Throws UsageError or FormatError as ImageDataset::load says.
std::vector<Sample> find_samples(const DataSpec& spec);

// "noto" for data/noto.tar.gz, data/noto.csv and data/noto/.
std::string source_stem(const std::filesystem::path& path);

// True for the names .jpg, .jpeg, .png and .webp in any case, but not for dot-files.
bool has_image_name(const std::filesystem::path& file);

// "'a', 'b', 'c' and 5 more", made safe to print.
std::string quoted_list(const std::vector<std::string>& names);

inline constexpr std::int64_t kMostFiles = 10'000'000;            // a source
inline constexpr std::uint64_t kLargestImageFile = 256ull << 20;  // bytes, still encoded

}  // namespace stockpot
