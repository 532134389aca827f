#include "stockpot/checkpoint/output.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <mutex>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/json.h"
#include "stockpot/base/pending_file.h"

namespace stockpot {
namespace {

std::string five_digits(std::size_t number) {
  std::string text = std::to_string(number);
  return text.size() < 5 ? std::string(5 - text.size(), '0') + text : text;
}

// The tensors of each shard, filled up in the order of the list. Tied tensors stay together.
std::vector<std::vector<std::size_t>> cut_into_shards(const std::vector<OutputTensor>& tensors,
                                                      std::uint64_t limit) {
  std::vector<std::vector<std::size_t>> shards(1);
  std::vector<std::size_t> shard_of(tensors.size());
  std::uint64_t filled = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].tied_to) continue;
    const std::uint64_t size = bytes_of(tensors[i]);
    if (limit > 0 && filled > 0 && filled + size > limit) {
      shards.emplace_back();
      filled = 0;
    }
    filled += size;
    shard_of[i] = shards.size() - 1;
    shards.back().push_back(i);
  }
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].tied_to) shards[shard_of[*tensors[i].tied_to]].push_back(i);
  return shards;
}

// CRC-32 of a tensor whose pieces arrive in any order.
class Checksum {
 public:
  void add(std::uint64_t first, std::span<const std::byte> bytes) {
    const std::uint32_t crc = crc32_of(bytes);
    const std::lock_guard lock(mutex_);
    pieces_.emplace(first, Piece{crc, bytes.size()});
  }
  std::uint32_t total() const {
    uLong crc = 0;
    for (const auto& [first, piece] : pieces_)
      crc = crc32_combine(crc, piece.crc, static_cast<z_off_t>(piece.size));
    return static_cast<std::uint32_t>(crc);
  }

 private:
  struct Piece {
    std::uint32_t crc;
    std::uint64_t size;
  };
  std::mutex mutex_;
  std::map<std::uint64_t, Piece> pieces_;
};

// One file of the checkpoint.
struct Part {
  Part(const fs::path& path, std::vector<std::size_t> members_of,
       const std::vector<OutputTensor>& all, const OutputOptions& options)
      : members(std::move(members_of)), file(path), checksums(members.size()) {
    std::vector<OutputTensor> tensors;
    for (const std::size_t i : members) {
      tensors.push_back(all[i]);
      if (!all[i].tied_to) continue;
      const auto place = std::ranges::find(members, *all[i].tied_to);
      tensors.back().tied_to = static_cast<std::size_t>(place - members.begin());
    }
    layout = options.container == Container::safetensors
                 ? safetensors_layout(path, tensors, options.metadata)
                 : torch_layout(path, tensors);
    file.reserve(layout.size);
    for (const FilePiece& piece : layout.pieces)
      file.write_at(piece.offset, std::as_bytes(std::span(piece.bytes)));
  }

  void finish() {
    if (!layout.checksums) return;
    std::vector<std::uint32_t> crc;
    for (const Checksum& checksum : checksums) crc.push_back(checksum.total());
    for (const FilePiece& piece : layout.checksums(crc))
      file.write_at(piece.offset, std::as_bytes(std::span(piece.bytes)));
  }

  std::vector<std::size_t> members;  // indices of the caller's tensors
  FileLayout layout;
  PendingFile file;
  std::vector<Checksum> checksums;
};

}  // namespace

struct CheckpointWriter::State {
  std::vector<OutputTensor> tensors;
  OutputOptions options;
  fs::path target;
  std::vector<std::unique_ptr<Part>> parts;
  std::vector<std::pair<std::size_t, std::size_t>> place;  // part, index in it
  std::vector<fs::path> files;

  bool sharded() const { return parts.size() > 1; }
};

CheckpointWriter::CheckpointWriter(const fs::path& target, std::vector<OutputTensor> tensors,
                                   const OutputOptions& options)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.tensors = std::move(tensors);
  state.options = options;
  state.target = target;
  state.place.resize(state.tensors.size());
  const auto shards = cut_into_shards(state.tensors, options.shard_bytes);
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    const std::string suffix = "-" + five_digits(shard + 1) + "-of-" + five_digits(shards.size());
    const fs::path path = shards.size() == 1
                              ? target
                              : target.parent_path() /
                                    (target.stem().string() + suffix + target.extension().string());
    state.parts.push_back(std::make_unique<Part>(path, shards[shard], state.tensors, options));
    for (std::size_t i = 0; i < shards[shard].size(); ++i)
      state.place[shards[shard][i]] = {shard, i};
    state.files.push_back(path);
  }
  if (state.sharded()) state.files.push_back(target.native() + ".index.json");
}

CheckpointWriter::~CheckpointWriter() = default;

const std::vector<OutputTensor>& CheckpointWriter::tensors() const { return state_->tensors; }

const std::vector<fs::path>& CheckpointWriter::files() const { return state_->files; }

std::uint64_t CheckpointWriter::bytes() const {
  std::uint64_t total = 0;
  for (const auto& part : state_->parts) total += part->layout.size;
  return total;
}

void CheckpointWriter::write(std::size_t tensor, std::uint64_t first_byte,
                             std::span<const std::byte> bytes) {
  assert(!state_->tensors[tensor].tied_to);
  assert(first_byte + bytes.size() <= bytes_of(state_->tensors[tensor]));
  const auto [number, index] = state_->place[tensor];
  Part& part = *state_->parts[number];
  const std::uint64_t offset = part.layout.tensor_offset[index] + first_byte;
  part.file.write_at(offset, bytes);
  if (part.layout.checksums) part.checksums[index].add(first_byte, bytes);
  if (state_->options.sync) part.file.start_sync(offset, bytes.size());
}

void CheckpointWriter::publish() {
  State& state = *state_;
  for (const auto& part : state.parts) part->finish();
  for (const auto& part : state.parts) part->file.publish(part->layout.size, state.options.sync);
  if (!state.sharded()) return;
  // The index comes last: without it the shards are no checkpoint.
  Json map = Json::object({});
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    map.set(state.tensors[i].name, state.files[state.place[i].first].filename().string());
    if (!state.tensors[i].tied_to) total += bytes_of(state.tensors[i]);
  }
  const Json index = Json::object(
      {{"metadata", Json::object({{"total_size", total}})}, {"weight_map", std::move(map)}});
  write_file(state.files.back(), index.dump(2) + "\n");
}

}  // namespace stockpot
