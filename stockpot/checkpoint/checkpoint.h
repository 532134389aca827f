// All tensors of a model: one safetensors file, or the shards of an index.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {

class Checkpoint {
 public:
  // A .safetensors file, a model.safetensors.index.json, or a folder that holds either.
  // Throws FormatError: nothing to read there, missing shard, a tensor in two shards or in
  // none, a shard name that leaves the folder.
  static Checkpoint open(const fs::path& path);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // by name
  const TensorView* find(std::string_view name) const;
  const TensorView& at(std::string_view name) const;  // throws FormatError naming the file
  const fs::path& path() const { return path_; }
  const std::vector<fs::path>& files() const { return files_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  std::uint64_t bytes() const;
  const std::vector<std::string>& notes() const { return notes_; }  // warnings for the user
  void add_note(std::string note) { notes_.push_back(std::move(note)); }

 private:
  void open_file(const fs::path& file);
  void open_index(const fs::path& index);
  void take_indexed(const std::unordered_map<std::string, std::string>& shard_of);
  void sort_tensors();

  fs::path path_;
  std::vector<fs::path> files_;
  std::vector<std::shared_ptr<const SafetensorsFile>> parts_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> notes_;
};

}  // namespace stockpot
