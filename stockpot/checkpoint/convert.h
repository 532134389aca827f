// One checkpoint written again: in another container, another type, other shards.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/output.h"

namespace stockpot {

struct ConversionPlan {
  std::vector<OutputTensor> outputs;
  std::vector<const TensorView*> sources;  // outputs[i] comes from *sources[i]
  std::size_t converted = 0;               // tensors whose type changes
  std::size_t tied = 0;                    // tensors that share the storage of another one
  std::vector<std::string> notes;          // for the user

  std::uint64_t bytes_to_read() const;
  std::uint64_t bytes_to_write() const;  // of the tensors
};

// Floating-point tensors become `dtype` (f16, bf16, f32 or f64) when it is given; integers, bools
// and complex numbers keep their type. Tensors of one storage stay tied in torch files and are
// written in full for each name in safetensors (with a note). `source` must outlive the plan.
// Throws FormatError for types of less than a byte that would have to be converted.
ConversionPlan plan_conversion(const Checkpoint& source, std::optional<Dtype> dtype,
                               Container container);

// Changes values on their way, in double precision: those from element `first` on.
using TileEdit = std::function<void(std::int64_t first, std::span<double> values)>;
// The edit of outputs[tensor], or an empty function; asked for once for each tensor, in order, so
// that what one edit needs is gone before the next one. Edits are called from several threads.
using TensorEdits = std::function<TileEdit(std::size_t tensor)>;

// Takes the bytes of outputs[tensor] from `first_byte` on; called from several threads, in any
// order (CheckpointWriter::write).
using ConversionSink = std::function<void(std::size_t tensor, std::uint64_t first_byte,
                                          std::span<const std::byte> bytes)>;

struct ConversionHashes {
  std::string source;  // content_hash() of the plan's source, when no tensor is edited
  std::string output;  // content_hash() of what was written
};

// Streams the values in blocks, on several threads; memory does not grow with the model. Values
// are rounded once, to nearest even. Throws FormatError naming the tensor when a finite value
// overflows the new type.
ConversionHashes convert(const ConversionPlan& plan, const fs::path& origin,
                         const ConversionSink& sink, Progress& progress,
                         const TensorEdits& edits = {});
ConversionHashes convert(const ConversionPlan& plan, const fs::path& origin,
                         CheckpointWriter& writer, Progress& progress,
                         const TensorEdits& edits = {});

// outputs[i].tied_to for tensors whose views are the same bytes: a storage that the file shares.
void tie_equal_views(std::vector<OutputTensor>& outputs,
                     const std::vector<const TensorView*>& sources);

}  // namespace stockpot
