// The storages of a torch file: the stretches of bytes that its tensors are views of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/torch_dtype.h"
#include "stockpot/pickle/value.h"

namespace stockpot {

struct TorchStorage {
  std::string key;
  const TorchStorageRow* row = nullptr;  // of its class
  std::uint64_t elements = 0;            // as the pickle says; bytes for an UntypedStorage
  std::span<const std::byte> bytes;      // filled in by whoever knows where they are
};

class TorchStorages {
 public:
  // Collects what the persistent ids of a pickle name: ('storage', class, key, location,
  // elements[, view]). Throws FormatError naming the key: ids of another form, a class that is
  // not known, one key with two classes or two sizes, keys that are no plain words, views of
  // storages (torch 0.3 and older).
  TorchStorages(const Pickle& pickle, const fs::path& origin);

  std::vector<TorchStorage>& all() { return all_; }  // in the order of their first mention
  const std::vector<TorchStorage>& all() const { return all_; }
  TorchStorage* find(std::string_view key);
  // The index in all() of a value of the pickle; throws FormatError when it is no storage.
  std::size_t index_of(const PickleValue& value) const;

 private:
  void add(const PickleValue& id, const fs::path& origin);

  std::vector<TorchStorage> all_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::unordered_map<std::uint32_t, std::size_t> by_value_;
  const fs::path& origin_;
};

// elements * bytes per element; nothing when that overflows 63 bits.
std::optional<std::uint64_t> storage_size(const TorchStorage& storage);

}  // namespace stockpot
