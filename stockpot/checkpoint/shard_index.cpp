#include "stockpot/checkpoint/shard_index.h"

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

// Shard files lie beside the index: a name must not lead out of the folder.
void check_shard_name(const std::string& name, const fs::path& index) {
  const bool leaves = name.empty() || name.find('/') != std::string::npos ||
                      name.find('\\') != std::string::npos ||
                      name.find("..") != std::string::npos || name.find('\0') != std::string::npos;
  if (leaves)
    throw FormatError(
        index, "the shard name " + in_quotes(name) + " is not the name of a file beside the index");
}

}  // namespace

ShardIndex read_shard_index(const fs::path& file) {
  const Json json = Json::read(file);
  const Json* map = json.find("weight_map");
  if (map == nullptr || !map->is_object())
    throw FormatError(file, "no object 'weight_map' that says which shard holds which tensor");
  ShardIndex index;
  for (const auto& [tensor, shard] : map->members()) {
    if (!shard.is_string())
      throw FormatError(file, "weight_map: the shard of " + in_quotes(tensor) + " is not a string");
    check_shard_name(shard.as_string(), file);
    index.shard_of.emplace(tensor, shard.as_string());
  }
  if (index.shard_of.empty()) throw FormatError(file, "'weight_map' names no tensor");
  const Json* metadata = json.find("metadata");
  const Json* total = metadata != nullptr ? metadata->find("total_size") : nullptr;
  if (total != nullptr && total->is_number()) {
    index.total_size = total->dump();
    index.total_size_value = total->as_number();
  }
  return index;
}

}  // namespace stockpot
