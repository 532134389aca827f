// All tensors of a model: one file of safetensors or torch, or the shards of an index.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/open_options.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

class Checkpoint {
 public:
  // A file of safetensors or torch, an index of shards, or a folder that holds weights
  // (weights_file.h). What a file is is decided by its content, never by its name. Nothing in it
  // is executed, and no tensor's bytes are read but those that torch_file.h has to copy. Throws
  // FormatError: nothing to read there, missing shard, a tensor in two shards or in none, a shard
  // name that leaves the folder, and all that safetensors.h and torch_file.h refuse.
  static Checkpoint open(const fs::path& path, const OpenOptions& options = {});

  const std::vector<TensorView>& tensors() const { return tensors_; }  // by name
  const TensorView* find(std::string_view name) const;
  const TensorView& at(std::string_view name) const;  // throws FormatError naming the file
  const fs::path& path() const { return path_; }
  const std::vector<fs::path>& files() const { return files_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  std::uint64_t bytes() const;
  const std::vector<std::string>& notes() const { return notes_; }  // warnings for the user
  void add_note(std::string note) { notes_.push_back(std::move(note)); }
  // Puts it before every name, unless there is a name that begins with it.
  void add_prefix(std::string_view prefix);

  CheckpointFormat format() const { return format_; }  // of the first file
  // Groups of names that are the same bytes in the same shape; their views are equal too.
  const std::vector<std::vector<std::string>>& ties() const { return ties_; }
  // Where in a torch file the tensors lie: "state_dict_ema"; "" for the top level.
  const std::string& state_key() const { return state_key_; }
  // Numbers and texts beside them: {"epoch", {"3", 3.0}}.
  const std::map<std::string, StoredScalar>& scalars() const { return scalars_; }
  const std::vector<DroppedEntry>& dropped() const { return dropped_; }
  // "module.name" of all classes and functions that the pickles name, sorted.
  const std::vector<std::string>& pickle_globals() const { return globals_; }

 private:
  struct Part;

  Part open_part(const fs::path& file, const OpenOptions& options);
  void open_file(const fs::path& file, const OpenOptions& options);
  void open_index(const fs::path& index, const OpenOptions& options);
  void take_indexed(const std::vector<Part>& parts,
                    const std::unordered_map<std::string, std::string>& shard_of);
  void keep_ties(std::vector<std::vector<std::string>> groups);
  void sort_tensors();

  fs::path path_;
  std::vector<fs::path> files_;
  std::vector<std::shared_ptr<const void>> owners_;  // of the tensors' bytes
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> notes_;
  CheckpointFormat format_ = CheckpointFormat::safetensors;
  std::vector<std::vector<std::string>> ties_;
  std::string state_key_;
  std::map<std::string, StoredScalar> scalars_;
  std::vector<DroppedEntry> dropped_;
  std::vector<std::string> globals_;
};

}  // namespace stockpot
