// Writing checkpoints piece by piece, in bounded memory: the file's layout is known before the
// first value is, so tensors may arrive in any order and from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

struct OutputTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  Shape shape;
  // Index of the tensor whose storage this one shares; its own bytes are then never written. Only
  // torch files can hold ties: other containers need a tensor of its own for each name.
  std::optional<std::size_t> tied_to;
};

inline std::uint64_t bytes_of(const OutputTensor& tensor) {
  return byte_count(tensor.dtype, element_count(tensor.shape));
}

enum class Container { safetensors, torch };

// Bytes at a place of the file.
struct FilePiece {
  std::uint64_t offset = 0;
  std::string bytes;
};

// Where everything lies in one file.
struct FileLayout {
  std::uint64_t size = 0;
  std::vector<std::uint64_t> tensor_offset;  // of the bytes of each tensor, by its index
  std::vector<FilePiece> pieces;             // everything that is known beforehand
  // What depends on checksums of the tensors' bytes (zip); empty for safetensors.
  std::function<std::vector<FilePiece>(std::span<const std::uint32_t> crc32)> checksums;
};

// Byte for byte what the reference writers make. Throw FormatError naming `file`: names that
// cannot be written, two tensors of one name, a header over the format's limit.
FileLayout safetensors_layout(const fs::path& file, std::span<const OutputTensor> tensors,
                              const std::map<std::string, std::string>& metadata);
// An OrderedDict of tensors as torch.save writes it (zip container, pickle protocol 2), that
// torch.load(weights_only=True) opens. The archive's root folder is the stem of `file`.
FileLayout torch_layout(const fs::path& file, std::span<const OutputTensor> tensors);

struct OutputOptions {
  Container container = Container::safetensors;
  std::map<std::string, std::string> metadata{{"format", "pt"}};  // safetensors only
  // Largest file in bytes, decimal as transformers counts; 0: one file. A tensor is never split.
  std::uint64_t shard_bytes = 0;
  bool sync = true;  // fsync before the rename: the output survives a power loss
};

// One checkpoint being written: a single file that appears by one rename in publish(), or, with
// shard_bytes, shards and their index inside a folder that the caller publishes (PendingFolder).
class CheckpointWriter {
 public:
  // `target` is the file or, with shards, `folder`/model.safetensors or pytorch_model.bin: shard
  // and index names follow transformers (model-00001-of-00002.safetensors). Space on the disk is
  // reserved here. Throws WriteError, FormatError.
  CheckpointWriter(const fs::path& target, std::vector<OutputTensor> tensors,
                   const OutputOptions& options);
  ~CheckpointWriter();  // removes what was not published
  CheckpointWriter(const CheckpointWriter&) = delete;

  const std::vector<OutputTensor>& tensors() const;
  // The bytes of tensors()[tensor] from `first_byte` on. Pieces must not overlap and must cover
  // every tensor that is not tied. Callable from several threads.
  void write(std::size_t tensor, std::uint64_t first_byte, std::span<const std::byte> bytes);
  std::uint64_t bytes() const;                 // of all files
  const std::vector<fs::path>& files() const;  // as they are named in the end
  void publish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
