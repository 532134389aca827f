#include "stockpot/checkpoint/safetensors.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/header.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/sniff.h"

namespace stockpot {
namespace {

constexpr std::size_t kLengthBytes = 8;

[[noreturn]] void refuse(const MappedFile& map, const std::string& problem) {
  if (const std::string_view what = recognise(map.bytes()); !what.empty())
    throw FormatError(map.path(), "not a safetensors file but " + std::string(what));
  throw FormatError(map.path(), problem);
}

// Checks 1 to 3 of docs/formats.md: nothing is allocated on the word of the length field.
std::uint64_t header_length(const MappedFile& map) {
  const std::size_t size = map.bytes().size();
  if (size < kLengthBytes)
    refuse(map, "a safetensors file has at least 8 bytes, this one has " + std::to_string(size) +
                    (size == 0 ? " (an empty file)" : " (truncated download?)"));
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= std::to_integer<std::uint64_t>(map.bytes()[i]) << (8 * i);
  if (length > kLargestHeader)
    refuse(map, "the header length " + std::to_string(length) + " is over the limit of " +
                    std::to_string(kLargestHeader) + " (not a safetensors file?)");
  if (length > size - kLengthBytes)
    refuse(map, "the header length " + std::to_string(length) +
                    " leads past the end of the file (" + std::to_string(size) +
                    " bytes; truncated download?)");
  return length;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& file) : SafetensorsFile(MappedFile(file)) {}

SafetensorsFile::SafetensorsFile(MappedFile map) : map_(std::move(map)) {
  const fs::path& file = map_.path();
  const std::uint64_t length = header_length(map_);
  const auto header_bytes = map_.bytes().subspan(kLengthBytes, length);
  const auto buffer = map_.bytes().subspan(kLengthBytes + length);
  Header header =
      parse_header({reinterpret_cast<const char*>(header_bytes.data()), header_bytes.size()}, file);
  check_layout(header.entries, buffer.size(), file);

  tensors_.reserve(header.entries.size());
  for (HeaderEntry& entry : header.entries)
    tensors_.push_back({std::move(entry.name), entry.dtype,
                        Shape(entry.shape.begin(), entry.shape.end()),
                        buffer.subspan(entry.begin, entry.end - entry.begin)});
  metadata_ = std::move(header.metadata);
  if (header.unknown_count > 0) {
    for (std::string& field : header.unknown_fields) field = in_quotes(field);
    notes_.push_back(file.filename().string() + ": " + std::to_string(header.unknown_count) +
                     " unknown fields of tensors were ignored (" +
                     join(header.unknown_fields, ", ") + ")");
  }
  index_names();
}

void SafetensorsFile::index_names() {
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
  std::sort(by_name_.begin(), by_name_.end(),
            [&](std::size_t a, std::size_t b) { return tensors_[a].name < tensors_[b].name; });
  for (std::size_t i = 1; i < by_name_.size(); ++i)
    if (tensors_[by_name_[i]].name == tensors_[by_name_[i - 1]].name)
      throw FormatError(path(),
                        "the tensor " + in_quotes(tensors_[by_name_[i]].name) + " is there twice");
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto place = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](std::size_t index, std::string_view wanted) { return tensors_[index].name < wanted; });
  if (place == by_name_.end() || tensors_[*place].name != name) return nullptr;
  return &tensors_[*place];
}

}  // namespace stockpot
