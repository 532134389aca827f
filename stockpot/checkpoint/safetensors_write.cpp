// The writing half of safetensors.h: the layout of a file, and a file from tensors in memory.
#include <algorithm>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/header.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/output.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

// The escapes of serde_json, which the reference uses: short forms where JSON has them,
// lower-case \u00xx for other control characters, everything else as it is.
std::string json_string(std::string_view text) {
  constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (const std::size_t which = kSpecial.find(c); which != std::string_view::npos) {
      out += '\\';
      out += kLetters[which];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Descending dtype, so that wide elements come first and stay aligned; then by name.
std::vector<std::size_t> writing_order(std::span<const OutputTensor> tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return tensors[a].dtype != tensors[b].dtype ? tensors[a].dtype > tensors[b].dtype
                                                : tensors[a].name < tensors[b].name;
  });
  return order;
}

void check_names(std::span<const OutputTensor> tensors, const fs::path& file) {
  std::vector<std::string_view> names;
  for (const OutputTensor& tensor : tensors) {
    if (tensor.name == "__metadata__" || tensor.name.find('\0') != std::string::npos ||
        !is_utf8(tensor.name))
      throw FormatError(file,
                        "tensor " + in_quotes(tensor.name) + " cannot be written under this name");
    names.push_back(tensor.name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end())
    throw FormatError(file, "two tensors are named " + in_quotes(*twice));
}

std::string metadata_text(const std::map<std::string, std::string>& metadata) {
  std::string text = "\"__metadata__\":{";
  for (const auto& [key, value] : metadata)
    text += (text.back() == '{' ? "" : ",") + json_string(key) + ":" + json_string(value);
  return text + "}";
}

std::string entry_text(const OutputTensor& tensor, std::uint64_t begin, std::uint64_t end) {
  std::string text = json_string(tensor.name) + ":{\"dtype\":\"" +
                     std::string(row(tensor.dtype).safetensors) + "\",\"shape\":[";
  for (std::size_t i = 0; i < tensor.shape.size(); ++i)
    text += (i == 0 ? "" : ",") + std::to_string(tensor.shape[i]);
  return text + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

}  // namespace

FileLayout safetensors_layout(const fs::path& file, std::span<const OutputTensor> tensors,
                              const std::map<std::string, std::string>& metadata) {
  check_names(tensors, file);
  FileLayout layout;
  layout.tensor_offset.resize(tensors.size());
  std::string header = "{";
  if (!metadata.empty()) header += metadata_text(metadata);
  std::uint64_t begin = 0;
  for (const std::size_t i : writing_order(tensors)) {
    const std::uint64_t end = begin + bytes_of(tensors[i]);
    header += (header.size() > 1 ? "," : "") + entry_text(tensors[i], begin, end);
    layout.tensor_offset[i] = begin;
    begin = end;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  if (header.size() > kLargestHeader)
    throw FormatError(file, "the header would have " + std::to_string(header.size()) +
                                " bytes, over the format's limit of " +
                                std::to_string(kLargestHeader));
  std::string length;
  for (int i = 0; i < 8; ++i)
    length += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xff);
  header.insert(0, length);
  for (std::uint64_t& offset : layout.tensor_offset) offset += header.size();
  layout.size = header.size() + begin;
  layout.pieces.push_back({0, std::move(header)});
  return layout;
}

void write_safetensors(const fs::path& file, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<OutputTensor> outputs;
  for (const TensorView& tensor : tensors) {
    outputs.push_back({tensor.name, tensor.dtype, tensor.shape, std::nullopt});
    if (tensor.bytes.size() != bytes_of(outputs.back()))
      throw FormatError(file, "tensor " + in_quotes(tensor.name) + " of shape " +
                                  to_string(tensor.shape) + " needs " +
                                  std::to_string(bytes_of(outputs.back())) + " bytes, has " +
                                  std::to_string(tensor.bytes.size()));
  }
  OutputOptions options;
  options.metadata = metadata;
  CheckpointWriter writer(file, std::move(outputs), options);
  for (std::size_t i = 0; i < tensors.size(); ++i) writer.write(i, 0, tensors[i].bytes);
  writer.publish();
}

}  // namespace stockpot
