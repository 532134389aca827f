#include "stockpot/checkpoint/checkpoint.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";

using ShardMap = std::unordered_map<std::string, std::string>;  // tensor -> shard

// Also for links that lead nowhere: opening them says what is wrong.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

[[noreturn]] void refuse_folder(const fs::path& folder) {
  std::string found;
  for (const char* other : {"pytorch_model.bin", "pytorch_model.bin.index.json", "model.ckpt",
                            "tf_model.h5", "flax_model.msgpack"})
    if (is_there(folder / other))
      found = std::string("; ") + other + " is there: convert it to safetensors first";
  throw FormatError(folder, "no " + std::string(kSingle) + " and no " + std::string(kIndex) +
                                " in this folder" + found);
}

// Shard files lie beside the index: a name must not lead out of the folder.
void check_shard_name(const std::string& name, const fs::path& index) {
  const bool leaves = name.empty() || name.find('/') != std::string::npos ||
                      name.find('\\') != std::string::npos ||
                      name.find("..") != std::string::npos || name.find('\0') != std::string::npos;
  if (leaves)
    throw FormatError(
        index, "the shard name " + in_quotes(name) + " is not the name of a file beside the index");
}

ShardMap weight_map(const Json& json, const fs::path& index) {
  const Json* map = json.find("weight_map");
  if (map == nullptr || !map->is_object())
    throw FormatError(index, "no object 'weight_map' that says which shard holds which tensor");
  ShardMap shard_of;
  for (const auto& [tensor, shard] : map->members()) {
    if (!shard.is_string())
      throw FormatError(index,
                        "weight_map: the shard of " + in_quotes(tensor) + " is not a string");
    check_shard_name(shard.as_string(), index);
    shard_of.emplace(tensor, shard.as_string());
  }
  if (shard_of.empty()) throw FormatError(index, "'weight_map' names no tensor");
  return shard_of;
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& path) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (is_there(path / kSingle)) {
      checkpoint.open_file(path / kSingle);
      if (is_there(path / kIndex))
        checkpoint.notes_.push_back(std::string(kIndex) + " is ignored: " + std::string(kSingle) +
                                    " is there too and comes first");
    } else if (is_there(path / kIndex)) {
      checkpoint.open_index(path / kIndex);
    } else {
      refuse_folder(path);
    }
  } else if (path.filename().string().ends_with(".index.json")) {
    checkpoint.open_index(path);
  } else {
    checkpoint.open_file(path);
  }
  checkpoint.sort_tensors();
  return checkpoint;
}

void Checkpoint::open_file(const fs::path& file) {
  auto part = std::make_shared<const SafetensorsFile>(file);
  files_.push_back(file);
  tensors_ = part->tensors();
  metadata_ = part->metadata();
  notes_ = part->notes();
  parts_.push_back(std::move(part));
}

void Checkpoint::open_index(const fs::path& index) {
  const Json json = Json::read(index);
  const ShardMap shard_of = weight_map(json, index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  for (const std::string& shard : shards) {
    files_.push_back(index.parent_path() / shard);
    parts_.push_back(std::make_shared<const SafetensorsFile>(files_.back()));
    const SafetensorsFile& part = *parts_.back();
    notes_.insert(notes_.end(), part.notes().begin(), part.notes().end());
    metadata_.insert(part.metadata().begin(), part.metadata().end());
  }
  take_indexed(shard_of);

  const Json* metadata = json.find("metadata");
  const Json* total = metadata != nullptr ? metadata->find("total_size") : nullptr;
  if (total != nullptr && total->is_number() && total->as_number() != static_cast<double>(bytes()))
    notes_.push_back("the index says total_size " + total->dump() + ", the tensors have " +
                     std::to_string(bytes()) + " bytes");
}

// Takes the tensors that the index names from the shards that it names.
void Checkpoint::take_indexed(const ShardMap& shard_of) {
  std::unordered_map<std::string_view, const SafetensorsFile*> seen;
  std::vector<std::string> extra;
  for (const auto& part : parts_) {
    const std::string shard = part->path().filename().string();
    for (const TensorView& tensor : part->tensors()) {
      const auto [first, added] = seen.emplace(tensor.name, part.get());
      if (!added)
        throw FormatError(path_, "tensor " + in_quotes(tensor.name) + " is in two shards, " +
                                     in_quotes(first->second->path().filename().string()) +
                                     " and " + in_quotes(shard));
      const auto place = shard_of.find(tensor.name);
      if (place == shard_of.end())
        extra.push_back(tensor.name);
      else if (place->second == shard)
        tensors_.push_back(tensor);
    }
  }
  // A tensor that lies in another shard than the promised one counts as missing too.
  if (tensors_.size() != shard_of.size()) {
    sort_tensors();
    std::vector<std::string> missing;
    for (const auto& [tensor, shard] : shard_of)
      if (find(tensor) == nullptr) missing.push_back(tensor);
    std::sort(missing.begin(), missing.end());
    throw FormatError(
        path_, std::to_string(missing.size()) +
                   " tensors are not in the shard that the index names: " + some_of(missing));
  }
  if (!extra.empty())
    notes_.push_back(
        std::to_string(extra.size()) +
        " tensors of the shards are left out, the index does not name them: " + some_of(extra));
}

void Checkpoint::sort_tensors() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
}

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto place = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return place != tensors_.end() && place->name == name ? &*place : nullptr;
}

const TensorView& Checkpoint::at(std::string_view name) const {
  const TensorView* tensor = find(name);
  if (tensor == nullptr) throw FormatError(path_, "no tensor named " + in_quotes(name));
  return *tensor;
}

std::uint64_t Checkpoint::bytes() const {
  std::uint64_t total = 0;
  for (const TensorView& tensor : tensors_) total += tensor.bytes.size();
  return total;
}

}  // namespace stockpot
