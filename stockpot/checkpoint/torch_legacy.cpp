// The stream of torch before 1.6: five pickles (magic number, protocol, system, object, storage
// keys), then for each key its number of elements and its bytes. The bytes are little-endian on
// every machine.
#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/torch_source.h"
#include "stockpot/pickle/load.h"
#include "stockpot/pickle/unpickle.h"

namespace stockpot {
namespace {

using namespace std::string_view_literals;

// 0x1950a86a20f9469cfc6c, little-endian.
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;
constexpr std::int64_t kProtocol = 1001;

class LegacyReader {
 public:
  LegacyReader(std::span<const std::byte> bytes, const fs::path& origin)
      : bytes_(bytes), origin_(origin) {}

  TorchSource read() {
    const Pickle magic = next("magic number");
    if (!magic.root().is(PickleKind::big_integer) || magic.root().text() != kMagic)
      throw FormatError(origin_,
                        "a Python pickle that torch.save did not write (its first value is not "
                        "torch's magic number): save the model with torch.save or safetensors");
    const Pickle protocol = next("protocol");
    const PickleValue version = protocol.root();
    if (!version.is(PickleKind::integer) || version.integer() != kProtocol)
      throw FormatError(
          origin_, "the torch stream has the protocol " + version.describe() + ", expected 1001");
    check_system(next("system"));
    TorchSource source;
    source.format = CheckpointFormat::torch_legacy;
    source.pickle = std::make_unique<const Pickle>(next("object"));
    source.storages.emplace(*source.pickle, origin_);
    const Pickle keys = next("storage keys");
    take_storages(keys.root(), *source.storages);
    return source;
  }

 private:
  Pickle next(const std::string& what) {
    Pickle pickle =
        unpickle(bytes_.subspan(position_),
                 origin_.native() + ": " + what + " (from byte " + std::to_string(position_) + ")");
    position_ += pickle.consumed();
    return pickle;
  }

  void check_system(const Pickle& system) const {
    const auto little = system.root().find("little_endian");
    if (!little || !little->is(PickleKind::boolean))
      throw FormatError(origin_, "the torch stream does not say 'little_endian'");
    if (!little->boolean())
      throw FormatError(origin_,
                        "the torch stream was written on a big-endian machine, which is "
                        "not supported: load it with torch and save it again");
  }

  void take_storages(const PickleValue& keys, TorchStorages& storages) {
    if (!keys.is(PickleKind::list))
      throw FormatError(origin_, "the storage keys are " + keys.describe() + ", expected a list");
    std::vector<bool> taken(storages.all().size(), false);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const PickleValue key = keys.item(i);
      if (!key.is(PickleKind::text))
        throw FormatError(origin_, "a storage key is " + key.describe() + ", expected a str");
      TorchStorage* const storage = storages.find(key.text());
      if (storage == nullptr)
        throw FormatError(origin_, "storage " + in_quotes(key.text()) +
                                       " is in the list of keys, but no tensor names it");
      const auto index = static_cast<std::size_t>(storage - storages.all().data());
      if (taken[index])
        throw FormatError(origin_, "storage " + in_quotes(key.text()) + " is listed twice");
      taken[index] = true;
      take_bytes(*storage);
    }
    for (std::size_t i = 0; i < taken.size(); ++i)
      if (!taken[i])
        throw FormatError(
            origin_, "storage " + in_quotes(storages.all()[i].key) + " is not in the list of keys");
    if (position_ != bytes_.size())
      throw FormatError(origin_, std::to_string(bytes_.size() - position_) +
                                     " bytes follow the last storage; nothing may follow it");
  }

  void take_bytes(TorchStorage& storage) {
    const std::string what = "storage " + in_quotes(storage.key);
    if (bytes_.size() - position_ < sizeof(std::uint64_t))
      throw FormatError(origin_, what + " leads past the end of the file (truncated download?)");
    const auto elements = load_le<std::uint64_t>(bytes_.data() + position_);
    position_ += sizeof elements;
    if (elements != storage.elements)
      throw FormatError(origin_, what + " has " + std::to_string(elements) +
                                     " elements, its tensors say " +
                                     std::to_string(storage.elements));
    const std::uint64_t size = *storage_size(storage);
    if (size > bytes_.size() - position_)
      throw FormatError(origin_, what + " of " + std::to_string(size) +
                                     " bytes leads past the end of the file (" +
                                     std::to_string(bytes_.size()) +
                                     " bytes; truncated download?)");
    storage.bytes = bytes_.subspan(position_, size);
    position_ += size;
  }

  std::span<const std::byte> bytes_;
  const fs::path& origin_;
  std::size_t position_ = 0;
};

}  // namespace

TorchSource read_torch_legacy(std::span<const std::byte> bytes, const fs::path& origin) {
  return LegacyReader(bytes, origin).read();
}

}  // namespace stockpot
