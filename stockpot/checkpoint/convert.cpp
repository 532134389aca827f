#include "stockpot/checkpoint/convert.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

constexpr std::int64_t kBlockElements = 1 << 18;  // written at once by one thread
constexpr std::int64_t kTileElements = 2048;      // converted at once: fits the first cache
static_assert(kBlockElements % kHashBlock == 0);

struct Block {
  std::size_t tensor;
  std::int64_t first, count;
};

void add_blocks(std::size_t tensor, const OutputTensor& output, std::vector<Block>& blocks) {
  const std::int64_t elements = element_count(output.shape);
  for (std::int64_t first = 0; first < elements; first += kBlockElements)
    blocks.push_back({tensor, first, std::min(kBlockElements, elements - first)});
}

void check_range(std::span<const double> values, const TensorView& tensor, Dtype dtype,
                 std::int64_t first, const fs::path& origin) {
  const double limit = overflow_limit(dtype);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(std::abs(values[i]) >= limit) || std::isinf(values[i])) continue;
    throw FormatError(origin, "tensor " + in_quotes(tensor.name) + " holds " + shortest(values[i]) +
                                  " (element " + std::to_string(first + static_cast<int64_t>(i)) +
                                  "), too large for " + std::string(row(dtype).safetensors) +
                                  "; choose a type of more range, such as bf16 or f32");
  }
}

// The bytes of a block in the new type.
void convert_block(const TensorView& tensor, Dtype dtype, const Block& block, const TileEdit& edit,
                   const fs::path& origin, std::span<std::byte> out) {
  std::array<double, kTileElements> buffer;
  for (std::int64_t done = 0; done < block.count; done += kTileElements) {
    const std::int64_t count = std::min(kTileElements, block.count - done);
    const std::span values(buffer.data(), static_cast<std::size_t>(count));
    read_values(tensor, block.first + done, values);
    if (edit) edit(block.first + done, values);
    check_range(values, tensor, dtype, block.first + done, origin);
    write_values(std::span<const double>(values), dtype,
                 out.subspan(byte_count(dtype, done), byte_count(dtype, count)));
  }
}

// Says how far a loop on several threads has come.
class Meter {
 public:
  Meter(std::uint64_t total, Progress& progress) : total_(total), progress_(progress) {}
  void add(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    if (done_ < next_) return;
    next_ = done_ + kStep;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    progress_.status("converting: " + human_bytes(done_) + " of " + human_bytes(total_) + ", " +
                     fixed(static_cast<double>(done_) / 1e9 / passed.count(), 2) + " GB/s");
  }

 private:
  static constexpr std::uint64_t kStep = 64'000'000;
  std::uint64_t total_, done_ = 0, next_ = kStep;
  Progress& progress_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Hashes of a tensor's blocks, by number; written by several threads.
using BlockHashes = std::vector<Hash128>;

BlockHashes hashes_for(const OutputTensor& output) {
  const std::int64_t elements = element_count(output.shape);
  return BlockHashes(static_cast<std::size_t>((elements + kHashBlock - 1) / kHashBlock));
}

void hash_blocks(const Block& block, Dtype dtype, std::span<const std::byte> bytes,
                 BlockHashes& hashes) {
  for (std::int64_t done = 0; done < block.count; done += kHashBlock)
    hashes[static_cast<std::size_t>((block.first + done) / kHashBlock)] = hash_bytes(bytes.subspan(
        byte_count(dtype, done), byte_count(dtype, std::min(kHashBlock, block.count - done))));
}

class Conversion {
 public:
  Conversion(const ConversionPlan& plan, const fs::path& origin, const ConversionSink& sink,
             Progress& progress)
      : plan_(plan), origin_(origin), sink_(sink), meter_(plan.bytes_to_read(), progress) {
    for (const OutputTensor& output : plan.outputs) {
      read_.push_back(hashes_for(output));
      written_.push_back(hashes_for(output));
    }
  }

  void run(const std::vector<Block>& blocks, const TileEdit& edit) {
    parallel_for(static_cast<std::int64_t>(blocks.size()), 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     run(blocks[static_cast<std::size_t>(i)], edit);
                 });
  }

  ConversionHashes hashes() const {
    std::vector<HashedTensor> read, written;
    for (std::size_t i = 0; i < plan_.outputs.size(); ++i) {
      const OutputTensor& output = plan_.outputs[i];
      const TensorView& source = *plan_.sources[i];
      const std::size_t owner = output.tied_to.value_or(i);
      read.push_back({source.name, source.dtype, source.shape,
                      tensor_hash(read_[owner], source.bytes.size())});
      written.push_back({output.name, output.dtype, output.shape,
                         tensor_hash(written_[owner], bytes_of(output))});
    }
    return {model_hash(std::move(read)), model_hash(std::move(written))};
  }

 private:
  void run(const Block& block, const TileEdit& edit) {
    const TensorView& source = *plan_.sources[block.tensor];
    const Dtype dtype = plan_.outputs[block.tensor].dtype;
    const auto bytes = part_of(source, block.first, block.count);
    const std::uint64_t place = byte_count(dtype, block.first);
    BlockHashes &read = read_[block.tensor], &written = written_[block.tensor];
    hash_blocks(block, source.dtype, bytes, read);
    if (dtype == source.dtype && !edit) {
      sink_(block.tensor, place, bytes);
      const auto first = block.first / kHashBlock;
      std::copy_n(read.begin() + first, (block.count + kHashBlock - 1) / kHashBlock,
                  written.begin() + first);
    } else {
      std::vector<std::byte> buffer(byte_count(dtype, block.count));
      convert_block(source, dtype, block, edit, origin_, buffer);
      hash_blocks(block, dtype, buffer, written);
      sink_(block.tensor, place, buffer);
    }
    release_pages(bytes);
    meter_.add(bytes.size());
  }

  const ConversionPlan& plan_;
  const fs::path& origin_;
  const ConversionSink& sink_;
  Meter meter_;
  std::vector<BlockHashes> read_, written_;  // by output
};

Dtype new_type(const TensorView& tensor, std::optional<Dtype> wanted, const fs::path& origin) {
  const DtypeRow& type = row(tensor.dtype);
  if (!wanted || !type.floating || tensor.dtype == Dtype::c64) return tensor.dtype;
  if (type.bits < 8)
    throw FormatError(origin, "tensor " + in_quotes(tensor.name) + " is of type " +
                                  std::string(type.safetensors) +
                                  ", which cannot be converted to another type");
  return *wanted;
}

void note_ties(ConversionPlan& plan, Container container) {
  std::vector<std::string> pairs;
  for (OutputTensor& output : plan.outputs) {
    if (!output.tied_to) continue;
    pairs.push_back(output.name + " = " + plan.outputs[*output.tied_to].name);
    if (container == Container::safetensors) output.tied_to.reset();
  }
  plan.tied = pairs.size();
  if (container == Container::safetensors && !pairs.empty())
    plan.notes.push_back(std::to_string(pairs.size()) +
                         " tied tensors are written in full under each name, since safetensors "
                         "has no ties: " +
                         some_of(pairs));
}

}  // namespace

std::uint64_t ConversionPlan::bytes_to_read() const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (!outputs[i].tied_to) total += sources[i]->bytes.size();
  return total;
}

std::uint64_t ConversionPlan::bytes_to_write() const {
  std::uint64_t total = 0;
  for (const OutputTensor& output : outputs)
    if (!output.tied_to) total += bytes_of(output);
  return total;
}

void tie_equal_views(std::vector<OutputTensor>& outputs,
                     const std::vector<const TensorView*>& sources) {
  std::map<std::tuple<const std::byte*, std::size_t, Dtype>, std::size_t> seen;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorView& view = *sources[i];
    if (view.bytes.empty()) continue;
    const auto [owner, added] =
        seen.try_emplace({view.bytes.data(), view.bytes.size(), view.dtype}, i);
    if (!added) outputs[i].tied_to = owner->second;
  }
}

ConversionPlan plan_conversion(const Checkpoint& source, std::optional<Dtype> dtype,
                               Container container) {
  ConversionPlan plan;
  std::size_t complex_kept = 0;
  for (const TensorView& tensor : source.tensors()) {
    const Dtype type = new_type(tensor, dtype, source.path());
    plan.converted += type != tensor.dtype ? 1 : 0;
    complex_kept += dtype && tensor.dtype == Dtype::c64 ? 1 : 0;
    plan.outputs.push_back({tensor.name, type, tensor.shape, {}});
    plan.sources.push_back(&tensor);
  }
  if (complex_kept > 0)
    plan.notes.push_back(std::to_string(complex_kept) + " complex tensors keep their type");
  tie_equal_views(plan.outputs, plan.sources);
  note_ties(plan, container);
  return plan;
}

ConversionHashes convert(const ConversionPlan& plan, const fs::path& origin,
                         const ConversionSink& sink, Progress& progress, const TensorEdits& edits) {
  Conversion conversion(plan, origin, sink, progress);
  std::vector<Block> unedited;
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    if (plan.outputs[i].tied_to) continue;
    const TileEdit edit = edits ? edits(i) : TileEdit();
    std::vector<Block> edited;
    add_blocks(i, plan.outputs[i], edit ? edited : unedited);
    conversion.run(edited, edit);
  }
  conversion.run(unedited, {});
  return conversion.hashes();
}

ConversionHashes convert(const ConversionPlan& plan, const fs::path& origin,
                         CheckpointWriter& writer, Progress& progress, const TensorEdits& edits) {
  const ConversionSink sink = [&](std::size_t tensor, std::uint64_t first_byte,
                                  std::span<const std::byte> bytes) {
    writer.write(tensor, first_byte, bytes);
  };
  return convert(plan, origin, sink, progress, edits);
}

}  // namespace stockpot
