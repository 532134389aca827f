// The writing half of safetensors.h.
#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/header.h"
#include "stockpot/checkpoint/message.h"
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
std::vector<const TensorView*> writing_order(std::span<const TensorView> tensors) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  return order;
}

void check_writable(const std::vector<const TensorView*>& order, const fs::path& file) {
  std::vector<std::string_view> names;
  for (const TensorView* tensor : order) {
    const std::string name = "tensor " + in_quotes(tensor->name);
    if (tensor->name == "__metadata__" || tensor->name.find('\0') != std::string::npos ||
        !is_utf8(tensor->name))
      throw FormatError(file, name + " cannot be written under this name");
    const std::size_t needed = byte_count(tensor->dtype, element_count(tensor->shape));
    if (tensor->bytes.size() != needed)
      throw FormatError(file, name + " of shape " + to_string(tensor->shape) + " needs " +
                                  std::to_string(needed) + " bytes, has " +
                                  std::to_string(tensor->bytes.size()));
    names.push_back(tensor->name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw FormatError(file, "two tensors are named " + in_quotes(*twice));
}

std::string header_text(const std::vector<const TensorView*>& order,
                        const std::map<std::string, std::string>& metadata) {
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata)
      header += (header.back() == '{' ? "" : ",") + json_string(key) + ":" + json_string(value);
    header += "}";
  }
  std::uint64_t begin = 0;
  for (const TensorView* tensor : order) {
    if (header.size() > 1) header += ',';
    header += json_string(tensor->name) + ":{\"dtype\":\"" +
              std::string(row(tensor->dtype).safetensors) + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor->shape.size(); ++i)
      header += (i == 0 ? "" : ",") + std::to_string(tensor->shape[i]);
    const std::uint64_t end = begin + tensor->bytes.size();
    header += "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
    begin = end;
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  return header;
}

}  // namespace

void write_safetensors(const fs::path& file, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string>& metadata) {
  const auto order = writing_order(tensors);
  check_writable(order, file);
  std::string header = header_text(order, metadata);
  if (header.size() > kLargestHeader)
    throw FormatError(file, "the header would have " + std::to_string(header.size()) +
                                " bytes, over the format's limit of " +
                                std::to_string(kLargestHeader));
  std::string length;
  for (int i = 0; i < 8; ++i)
    length += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xff);
  header.insert(0, length);

  std::uint64_t size = header.size();
  for (const TensorView* tensor : order) size += tensor->bytes.size();
  write_file(file, size, [&](const ByteSink& sink) {
    sink(std::as_bytes(std::span(header)));
    for (const TensorView* tensor : order) sink(tensor->bytes);
  });
}

}  // namespace stockpot
