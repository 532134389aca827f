// Pictures in a tar archive, plain or compressed: .../<class>/<picture>. The archive is
// streamed once and nothing is ever written to disk.
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/data/gunzip.h"
#include "stockpot/data/sources.h"

namespace stockpot {
namespace {

constexpr std::size_t kLongestName = 4096;
// An archive that unpacks to more than this, and to over a hundred times its own size, is
// taken for a decompression bomb.
constexpr std::uint64_t kBombBytes = 64'000'000;
constexpr std::uint64_t kBombRatio = 100;

// While it lives, this thread's locale is "C", in which libarchive leaves names the bytes that they
// are. In others it composes letters and accents of pax archives (NFC): such names are no longer
// those of a folder, a splits file or a model's classes.
class BytesAsNames {
 public:
  BytesAsNames() : c_(newlocale(LC_ALL_MASK, "C", nullptr)), before_(uselocale(c_)) {}
  ~BytesAsNames() {
    uselocale(before_);
    freelocale(c_);
  }
  BytesAsNames(const BytesAsNames&) = delete;

 private:
  locale_t c_, before_;
};

class TarWalk {
 public:
  TarWalk(const SourceSpec& source, const Wanted& wanted)
      : file_(source.path), stem_(source_stem(source.path)), wanted_(wanted) {
    archive_read_support_format_tar(reader_.get());
    archive_read_support_filter_none(reader_.get());
    // Without this library libarchive would start the zstd program instead.
    if (archive_libzstd_version()) archive_read_support_filter_zstd(reader_.get());
    const std::span<const std::byte> bytes = file_.bytes();
    if (bytes.empty()) throw FormatError(file_.path(), "the archive is empty (0 bytes)");
    if (Gunzip::is_gzip(bytes)) {
      gunzip_.emplace(bytes);
      check(archive_read_open(reader_.get(), &*gunzip_, nullptr, read_unzipped, nullptr));
    } else {
      check(archive_read_open_memory(reader_.get(), bytes.data(), bytes.size()));
    }
  }

  std::vector<Sample> run() {
    archive_entry* entry = nullptr;
    for (std::int64_t members = 0; next(entry); ++members) {
      if (members == kMostFiles) throw FormatError(file_.path(), "more than 10,000,000 members");
      offset_ = archive_read_header_position(reader_.get());
      name_ = member_name(entry);
      check_member(entry);
      check_ratio(archive_entry_size(entry));
      if (archive_entry_filetype(entry) == AE_IFREG) visit(entry);
    }
    if (gunzip_) check_rest(*gunzip_);
    return std::move(samples_);
  }

 private:
  static la_ssize_t read_unzipped(archive* reader, void* data, const void** part) {
    Gunzip& gunzip = *static_cast<Gunzip*>(data);
    const std::span<const std::byte> bytes = gunzip.next();
    *part = bytes.data();
    if (gunzip.problem().empty()) return static_cast<la_ssize_t>(bytes.size());
    archive_set_error(reader, EIO, "%s", gunzip.problem().c_str());
    return ARCHIVE_FATAL;
  }

  // The checksum of the contents stands behind what follows the archive's end within them.
  void check_rest(Gunzip& gunzip) const {
    std::uint64_t size = 0;
    for (auto bytes = gunzip.next(); !bytes.empty(); bytes = gunzip.next())
      check_ratio(static_cast<la_int64_t>(size += bytes.size()));
    if (!gunzip.problem().empty()) throw FormatError(file_.path(), gunzip.problem());
  }

  bool next(archive_entry*& entry) {
    const int result = archive_read_next_header(reader_.get(), &entry);
    if (result == ARCHIVE_EOF) return false;
    // Names that are not of the C locale come with a warning, and unharmed.
    if (result != ARCHIVE_WARN) check(result);
    return true;
  }

  void check(int result) const {
    if (result >= ARCHIVE_OK) return;
    const char* text = archive_error_string(reader_.get());
    // Negative when unpacking itself failed.
    const la_int64_t place = archive_filter_bytes(reader_.get(), 0);
    throw FormatError(
        file_.path(),
        "damaged or not a tar archive" +
            (place < 0 ? "" : ", near byte " + std::to_string(place) + " of its contents") + ": " +
            printable(text ? text : "unknown error"));
  }

  void check_ratio(la_int64_t to_come) const {
    const auto read = static_cast<std::uint64_t>(archive_filter_bytes(reader_.get(), 0));
    const std::uint64_t unpacked = read + static_cast<std::uint64_t>(to_come);
    if (unpacked > kBombBytes && unpacked / kBombRatio > file_.bytes().size()) {
      throw FormatError(file_.path(), "unpacks to more than a hundred times its size (" +
                                          human_bytes(unpacked) + "); refused");
    }
  }

  std::string origin() const {
    return printable(file_.path().string()) + ": member '" + printable(name_) + "' at byte " +
           std::to_string(offset_);
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    throw FormatError(origin() + ": " + problem);
  }

  // The path without the "." parts of `tar -c .` and `tar -c data/./cat`: they name no folder.
  std::string member_name(archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    if (!raw) raw = archive_entry_pathname_utf8(entry);
    name_.clear();
    if (!raw || !*raw) refuse("has no readable name");
    std::vector<std::string> parts = split(raw, '/');
    std::erase(parts, ".");
    return join(parts, "/");
  }

  void check_member(archive_entry* entry) const {
    if (name_.size() > kLongestName) refuse("the name is longer than 4096 bytes");
    if (name_.starts_with('/')) refuse("an absolute name; names must be relative");
    for (const std::string& part : split(name_, '/')) {
      if (part == "..") refuse("a name that leads out of the archive with '..'");
    }
    if (archive_entry_hardlink(entry)) refuse("a hard link; only regular files are read");
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFLNK) refuse("a symbolic link; only regular files are read");
    if (type != AE_IFREG && type != AE_IFDIR) refuse("a device or pipe; only files are read");
  }

  // Takes the member if it is <class>/<picture>, visible and wanted.
  void visit(archive_entry* entry) {
    const std::vector<std::string> parts = split(name_, '/');
    for (const std::string& part : parts) {
      if (part.starts_with('.')) return;
    }
    const fs::path file = parts.back();
    if (parts.size() < 2 || !has_image_name(file)) return;
    const std::string& class_name = parts[parts.size() - 2];
    if (class_name.empty()) refuse("an empty folder name");
    if (!wanted_(class_name, file.stem().string())) return;
    Sample sample;
    sample.id = stem_ + "/" + name_;
    sample.class_name = class_name;
    sample.origin = origin();
    sample.bytes = read_member(entry);
    samples_.push_back(std::move(sample));
  }

  // Grows with the bytes that really come, never by what the header claims.
  std::vector<std::byte> read_member(archive_entry* entry) {
    if (archive_entry_sparse_count(entry) > 0) refuse("a sparse file, which no image is");
    std::vector<std::byte> bytes;
    while (true) {
      const void* block = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader_.get(), &block, &size, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result < ARCHIVE_OK) {
        const char* text = archive_error_string(reader_.get());
        refuse("cannot be read: " + printable(text ? text : "unknown error"));
      }
      if (offset != static_cast<la_int64_t>(bytes.size())) refuse("has a hole in its data");
      if (size > kLargestImageFile - bytes.size()) refuse("an image file larger than 256 MB");
      const auto* begin = static_cast<const std::byte*>(block);
      bytes.insert(bytes.end(), begin, begin + size);
      check_ratio(0);
    }
    bytes.shrink_to_fit();
    return bytes;
  }

  struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
  };

  MappedFile file_;
  std::string stem_;
  const Wanted& wanted_;
  std::optional<Gunzip> gunzip_;
  std::unique_ptr<archive, Free> reader_{archive_read_new()};
  std::string name_;
  std::int64_t offset_ = 0;
  std::vector<Sample> samples_;
};

}  // namespace

std::vector<Sample> find_in_tar(const SourceSpec& source, const Wanted& wanted) {
  const BytesAsNames locale;
  return TarWalk(source, wanted).run();
}

}  // namespace stockpot
