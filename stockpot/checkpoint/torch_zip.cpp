// The zip container: <root>/data.pkl, <root>/data/<key>, <root>/byteorder, <root>/version.
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/torch_source.h"
#include "stockpot/pickle/unpickle.h"
#include "stockpot/pickle/zip.h"

namespace stockpot {
namespace {

constexpr std::string_view kPickle = "data.pkl";

class ZipSourceReader {
 public:
  ZipSourceReader(std::span<const std::byte> bytes, const fs::path& origin)
      : zip_(parse_zip(bytes, origin)), origin_(origin) {
    refuse_other_kinds();
    root_ = std::string(zip_.entries()[0].name.substr(0, zip_.entries()[0].name.find('/') + 1));
    check_entries();
  }

  TorchSource read() {
    TorchSource source;
    source.format = torchscript_ ? CheckpointFormat::torchscript : CheckpointFormat::torch_zip;
    source.big_endian = big_endian();
    check_version(source.notes);
    const ZipEntry* const entry = zip_.find(root_ + std::string(kPickle));
    if (entry == nullptr)
      throw FormatError(origin_, "a zip archive without " + in_quotes(root_ + "data.pkl") +
                                     ": torch.save did not write this");
    const std::span<const std::byte> pickle = zip_.checked_bytes(*entry);
    source.pickle = std::make_unique<const Pickle>(
        unpickle(pickle, origin_.native() + ": " + std::string(kPickle)));
    if (source.pickle->consumed() != pickle.size())
      throw FormatError(origin_,
                        std::to_string(pickle.size() - source.pickle->consumed()) +
                            " bytes follow the end of the pickle in data.pkl; nothing may");
    source.storages.emplace(*source.pickle, origin_);
    for (TorchStorage& storage : source.storages->all()) find_record(storage);
    return source;
  }

 private:
  void refuse_other_kinds() const {
    const auto& entries = zip_.entries();
    if (entries.empty()) throw FormatError(origin_, "an empty zip archive");
    for (const ZipEntry& entry : entries) {
      if (entry.name.ends_with(".npy"))
        throw FormatError(origin_,
                          "a NumPy archive (.npz), not a checkpoint: save its arrays with "
                          "safetensors");
      if (entry.name.ends_with("/model.json"))
        throw FormatError(origin_,
                          "a TorchScript archive of torch 1.3 or older: load it with "
                          "torch and save it again");
    }
    if (entries[0].name.find('/') == std::string_view::npos)
      throw FormatError(origin_, "a zip archive, but not of torch.save: its first entry " +
                                     in_quotes(entries[0].name) + " lies in no folder");
  }

  void check_entries() {
    for (const ZipEntry& entry : zip_.entries()) {
      if (!entry.name.starts_with(root_))
        throw FormatError(origin_, "the zip entry " + in_quotes(entry.name) +
                                       " lies outside the archive's folder " + in_quotes(root_));
      const std::string_view inside = entry.name.substr(root_.size());
      const bool code = inside.starts_with("code/");
      torchscript_ |= code || inside == "constants.pkl";
      // Source texts are compressed by torch.jit.save; nobody reads them here.
      if (entry.compressed && !code) zip_.bytes(entry);
    }
  }

  std::optional<std::string_view> small_record(std::string_view name) const {
    constexpr std::uint64_t kMost = 64;
    const ZipEntry* const entry = zip_.find(root_ + std::string(name));
    if (entry == nullptr) return std::nullopt;
    if (entry->size > kMost)
      throw FormatError(origin_, "the record " + in_quotes(name) + " has " +
                                     std::to_string(entry->size) + " bytes, expected a word");
    const std::span<const std::byte> bytes = zip_.checked_bytes(*entry);
    return trim({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  bool big_endian() const {
    const auto order = small_record("byteorder");
    if (!order || *order == "little") return false;
    if (*order == "big") return true;
    throw FormatError(origin_, "the record 'byteorder' says " + in_quotes(*order) +
                                   ", expected 'little' or 'big'");
  }

  void check_version(std::vector<std::string>& notes) const {
    const auto version = small_record("version");
    const bool number = version && !version->empty() &&
                        version->find_first_not_of("0123456789") == std::string_view::npos;
    if (version && !number)
      notes.push_back("the record 'version' says " + in_quotes(*version) +
                      ", expected a number; it is ignored");
  }

  void find_record(TorchStorage& storage) const {
    const std::string name = root_ + "data/" + storage.key;
    const ZipEntry* const entry = zip_.find(name);
    if (entry == nullptr)
      throw FormatError(origin_, "storage " + in_quotes(storage.key) + " has no record " +
                                     in_quotes(name) + " in the archive");
    const std::uint64_t expected = *storage_size(storage);
    if (entry->size != expected)
      throw FormatError(origin_, "storage " + in_quotes(storage.key) + " of " +
                                     std::to_string(storage.elements) + " elements (" +
                                     std::string(storage.row->name) + ") needs " +
                                     std::to_string(expected) + " bytes, its record has " +
                                     std::to_string(entry->size));
    storage.bytes = zip_.bytes(*entry);
  }

  ZipArchive zip_;
  const fs::path& origin_;
  std::string root_;
  bool torchscript_ = false;
};

}  // namespace

TorchSource read_torch_zip(std::span<const std::byte> bytes, const fs::path& origin) {
  return ZipSourceReader(bytes, origin).read();
}

}  // namespace stockpot
