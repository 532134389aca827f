// Files of torch.save, torch.jit.save and their C++ twins, read without torch and without
// running anything that they say: the zip container (since torch 1.6) and the stream before it.
//
// Decided here: complex64 is read (C64); complex128, quantized, sparse, nested, meta and
// conjugated tensors of the chosen dict are errors that name the tensor. Tensors whose bytes lie
// in row-major order are views of the file; others are copied once, at most 4 times the file in
// all. Big-endian files (byteorder "big") are copied and turned round. A pickle is read whole, so
// its CRC is checked; those of the tensors' records are not, since that would read them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/open_options.h"
#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

struct TorchContents {
  CheckpointFormat format = CheckpointFormat::torch_zip;
  std::vector<TensorView> tensors;              // in file order
  std::shared_ptr<const void> copies;           // owns the bytes that could not stay in the file
  std::vector<std::vector<std::string>> ties;   // names of the same bytes in the same shape
  std::string state_key;                        // "" for the top level
  std::map<std::string, StoredScalar> scalars;  // by dotted name
  std::vector<DroppedEntry> dropped;
  std::vector<std::string> globals;  // all that the pickle names
  std::vector<std::string> notes;
};

// Whether the bytes begin as a zip archive, a legacy torch stream, or one of the kinds that
// read_torch() refuses by name (a tar file of torch 0.1, PYTORCH1, any other pickle).
bool looks_like_torch(std::span<const std::byte> bytes);

// `bytes` is a whole file and must outlive the views. Throws FormatError naming `origin`.
TorchContents read_torch(std::span<const std::byte> bytes, const fs::path& origin,
                         const OpenOptions& options = {});

}  // namespace stockpot
