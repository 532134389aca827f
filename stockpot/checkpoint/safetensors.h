// The safetensors format (huggingface/safetensors): an 8-byte header length, a JSON header,
// then the data. Reading makes the reference's checks in its order (docs/formats.md), and
// refuses more: duplicate names, nesting deeper than 64, NUL in a name. Writing is byte for
// byte what the reference writer makes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// One .safetensors file, mapped read-only. Opening reads only the header; a tensor's bytes
// are touched when read. Views live as long as this object.
class SafetensorsFile {
 public:
  // Throws FormatError naming the file, the tensor and the numbers that disagree. A file
  // that is really something else (Git-LFS pointer, HTML page, zip, GGUF) is named as such.
  explicit SafetensorsFile(const fs::path& file);
  explicit SafetensorsFile(MappedFile map);

  const std::vector<TensorView>& tensors() const { return tensors_; }  // by offset
  const TensorView* find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const fs::path& path() const { return map_.path(); }
  const std::vector<std::string>& notes() const { return notes_; }  // oddities that were accepted

 private:
  void index_names();

  MappedFile map_;
  std::vector<TensorView> tensors_;
  std::vector<std::size_t> by_name_;  // indices into tensors_
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> notes_;
};

// Writes atomically. Throws WriteError; FormatError for a header over 100 MB, two tensors of
// one name, or bytes that do not fit the shape. The reference writes several metadata keys in
// random order (it hashes them); this writes them sorted. Empty metadata is left out.
void write_safetensors(const fs::path& file, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace stockpot
