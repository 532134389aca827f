#include "stockpot/checkpoint/header.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/json_cursor.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

constexpr std::size_t kMostDimensions = 64;

class HeaderParser {
 public:
  HeaderParser(std::string_view json, const std::filesystem::path& file) : json_(json, file) {}

  Header parse() {
    bool metadata = false;
    json_.object([&](std::string name) {
      if (name == "__metadata__") {
        if (metadata) json_.refuse("the header has '__metadata__' twice");
        metadata = true;
        read_metadata();
      } else {
        header_.entries.push_back(read_entry(std::move(name)));
      }
    });
    json_.end();
    return std::move(header_);
  }

 private:
  void read_metadata() {
    if (json_.null()) return;  // as the reference
    json_.object([&](std::string key) {
      std::string value = json_.string("a string (metadata values are strings)");
      const auto [place, added] = header_.metadata.emplace(std::move(key), std::move(value));
      if (!added) json_.refuse("__metadata__ has " + in_quotes(place->first) + " twice");
    });
  }

  HeaderEntry read_entry(std::string name) {
    if (name.find('\0') != std::string::npos)
      json_.refuse("the tensor name " + in_quotes(name) + " holds a NUL");
    HeaderEntry entry;
    entry.name = std::move(name);
    bool dtype = false, shape = false, offsets = false;
    std::set<std::string> others;
    const auto tensor = [&] { return "tensor " + in_quotes(entry.name); };
    const auto once = [&](bool& seen, const std::string& field) {
      if (seen) json_.refuse(tensor() + " has " + in_quotes(field) + " twice");
      seen = true;
    };
    json_.object([&](const std::string& field) {
      if (field == "dtype") {
        once(dtype, field);
        entry.dtype = read_dtype(entry.name);
      } else if (field == "shape") {
        once(shape, field);
        read_shape(entry);
      } else if (field == "data_offsets") {
        once(offsets, field);
        read_offsets(entry);
      } else {
        bool seen = !others.insert(field).second;
        once(seen, field);
        read_unknown(field);
      }
    });
    if (!dtype || !shape || !offsets)
      json_.refuse(tensor() + " has no '" +
                   (!dtype   ? "dtype"
                    : !shape ? "shape"
                             : "data_offsets") +
                   "'");
    return entry;
  }

  Dtype read_dtype(const std::string& name) {
    const std::string text = json_.string("a dtype in quotes");
    if (const auto dtype = dtype_from_safetensors(text)) return *dtype;
    json_.refuse("tensor " + in_quotes(name) + " has the dtype " + in_quotes(text) +
                 ", which the safetensors format does not know");
  }

  void read_shape(HeaderEntry& entry) {
    json_.array([&] {
      entry.shape.push_back(json_.unsigned_integer());
      if (entry.shape.size() > kMostDimensions)
        json_.refuse("tensor " + in_quotes(entry.name) + " has more than 64 dimensions");
    });
  }

  void read_offsets(HeaderEntry& entry) {
    int count = 0;
    json_.array([&] {
      const std::uint64_t offset = json_.unsigned_integer();
      (count == 0 ? entry.begin : entry.end) = offset;
      if (++count > 2) json_.fail("two offsets");
    });
    if (count != 2) json_.fail("two offsets");
  }

  void read_unknown(const std::string& field) {
    constexpr std::size_t kNamed = 8;
    ++header_.unknown_count;
    auto& names = header_.unknown_fields;
    if (names.size() < kNamed && std::find(names.begin(), names.end(), field) == names.end())
      names.push_back(field);
    json_.skip_value(2);  // the header and the entry are around it
  }

  JsonCursor json_;
  Header header_;
};

// Bits of all elements. Zero-element shapes must not hide sizes that overflow: the
// reference accepts [0, 2^63, 2] and rejects [2^63, 2, 0]; this rejects both.
std::uint64_t checked_bits(const HeaderEntry& entry, const std::filesystem::path& file) {
  const auto bits = static_cast<std::uint64_t>(row(entry.dtype).bits);
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::uint64_t elements = 1;
  bool overflow = false, empty = false;
  for (const std::uint64_t size : entry.shape) {
    if (size == 0)
      empty = true;
    else
      overflow |= __builtin_mul_overflow(elements, size, &elements);
  }
  overflow |= elements > kMost / std::max<std::uint64_t>(bits / 8, 1);
  std::uint64_t total = 0;
  if (!empty) overflow |= __builtin_mul_overflow(elements, bits, &total);
  if (overflow) {
    std::string shape;
    for (const std::uint64_t size : entry.shape)
      shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    throw FormatError(file, "tensor " + in_quotes(entry.name) + " of shape [" + shape +
                                "] and type " + std::string(row(entry.dtype).safetensors) +
                                " has a size that overflows 64 bits");
  }
  return total;
}

void check_entry(const HeaderEntry& entry, std::uint64_t expected_begin,
                 const std::filesystem::path& file) {
  const auto range = [&] { return std::to_string(entry.begin) + ".." + std::to_string(entry.end); };
  if (entry.begin != expected_begin || entry.end < entry.begin)
    throw FormatError(file, "tensor " + in_quotes(entry.name) + " claims bytes " + range() +
                                " of the data, expected to begin at " +
                                std::to_string(expected_begin) +
                                " (tensors follow each other without overlap or hole)");
  const std::uint64_t bits = checked_bits(entry, file);
  if (bits % 8 != 0)
    throw FormatError(file, "tensor " + in_quotes(entry.name) + " has " + std::to_string(bits) +
                                " bits, which is not a whole number of bytes");
  if (entry.end - entry.begin != bits / 8)
    throw FormatError(file, "tensor " + in_quotes(entry.name) + " claims bytes " + range() +
                                ", but its shape and type need " + std::to_string(bits / 8) +
                                " bytes");
}

}  // namespace

Header parse_header(std::string_view json, const std::filesystem::path& file) {
  if (!is_utf8(json)) throw FormatError(file, "the header is not valid UTF-8");
  return HeaderParser(json, file).parse();
}

void check_layout(std::vector<HeaderEntry>& entries, std::uint64_t buffer_size,
                  const std::filesystem::path& file) {
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t end = 0;
  for (const HeaderEntry& entry : entries) {
    check_entry(entry, end, file);
    end = entry.end;
  }
  if (end < buffer_size)
    throw FormatError(file, std::to_string(buffer_size - end) +
                                " bytes follow the last tensor; nothing may follow it");
  if (end > buffer_size)
    throw FormatError(file, "the tensors need " + std::to_string(end) + " bytes, the file holds " +
                                std::to_string(buffer_size) + " (truncated download?)");
}

}  // namespace stockpot
