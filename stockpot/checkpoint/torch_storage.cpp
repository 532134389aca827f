#include "stockpot/checkpoint/torch_storage.h"

#include <algorithm>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

// A key becomes part of a record's name: data/<key>.
bool is_plain_word(std::string_view key) {
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

}  // namespace

TorchStorages::TorchStorages(const Pickle& pickle, const fs::path& origin) : origin_(origin) {
  for (const PickleValue& value : pickle.persistents()) {
    const PickleValue id = value.args();
    add(id, origin);
    by_value_.emplace(value.id(), by_key_.at(std::string(id.item(2).text())));
  }
}

void TorchStorages::add(const PickleValue& id, const fs::path& origin) {
  const bool formed = (id.size() == 5 || id.size() == 6) && id.item(0).is(PickleKind::text) &&
                      id.item(0).text() == "storage" && id.item(1).is(PickleKind::global) &&
                      id.item(2).is(PickleKind::text) && id.item(3).is(PickleKind::text) &&
                      id.item(4).is(PickleKind::integer);
  if (!formed)
    throw FormatError(origin, "a persistent id is not ('storage', class, key, location, elements)");
  const std::string key(id.item(2).text());
  const std::string what = "storage " + in_quotes(key.substr(0, 80));
  if (!is_plain_word(key))
    throw FormatError(origin, what + ": a key of letters and digits was expected");
  const PickleValue type = id.item(1);
  const TorchStorageRow* const row =
      type.known() == Known::storage_class ? torch_storage(type.name()) : nullptr;
  if (row == nullptr)
    throw FormatError(origin, what + " has the unknown class " + in_quotes(type.describe()));
  if (id.item(4).integer() < 0)
    throw FormatError(origin, what + " claims " + id.item(4).describe() + " elements");
  if (id.size() == 6 && !id.item(5).is(PickleKind::none))
    throw FormatError(origin, what +
                                  " is a view of another storage, as torch 0.3 and older saved "
                                  "them: load the file with torch and save it again");
  const auto elements = static_cast<std::uint64_t>(id.item(4).integer());
  const auto [place, added] = by_key_.emplace(key, all_.size());
  if (added) {
    all_.push_back({key, row, elements, {}});
    if (!storage_size(all_.back()))
      throw FormatError(origin, what + " claims " + std::to_string(elements) +
                                    " elements, a size that overflows 64 bits");
    return;
  }
  const TorchStorage& first = all_[place->second];
  if (first.row != row || first.elements != elements)
    throw FormatError(origin, what + " is named as " + std::string(first.row->name) + " of " +
                                  std::to_string(first.elements) + " elements and as " +
                                  std::string(row->name) + " of " + std::to_string(elements));
}

TorchStorage* TorchStorages::find(std::string_view key) {
  const auto place = by_key_.find(std::string(key));
  return place == by_key_.end() ? nullptr : &all_[place->second];
}

std::size_t TorchStorages::index_of(const PickleValue& value) const {
  const auto place = by_value_.find(value.id());
  if (place == by_value_.end())
    throw FormatError(origin_, "a tensor's storage is " + value.describe() +
                                   ", expected a persistent id of a storage");
  return place->second;
}

std::optional<std::uint64_t> storage_size(const TorchStorage& storage) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (storage.elements > kMost / storage.row->bytes) return std::nullopt;
  return storage.elements * storage.row->bytes;
}

}  // namespace stockpot
