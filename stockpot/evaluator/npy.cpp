#include "stockpot/evaluator/npy.h"

#include <charconv>
#include <cstring>
#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// The header is a Python dict literal with three keys; this reads that and nothing else.
class Header {
 public:
  Header(const fs::path& file, std::string_view text) : file_(file), text_(text) {}

  std::string descr() const {
    const std::string_view rest = after("'descr':");
    if (!rest.starts_with('\'')) refuse();
    const std::size_t end = rest.find('\'', 1);
    if (end == std::string_view::npos) refuse();
    return std::string(rest.substr(1, end - 1));
  }

  bool fortran_order() const {
    const std::string_view rest = after("'fortran_order':");
    if (rest.starts_with("True")) return true;
    if (!rest.starts_with("False")) refuse();
    return false;
  }

  std::vector<std::int64_t> shape() const {
    std::string_view rest = after("'shape':");
    const std::size_t end = rest.find(')');
    if (!rest.starts_with('(') || end == std::string_view::npos) refuse();
    std::vector<std::int64_t> shape;
    for (const std::string& word : split(rest.substr(1, end - 1), ',')) {
      const std::string_view digits = trim(word);
      if (digits.empty()) continue;  // (3,) and ()
      std::int64_t size = 0;
      const auto [last, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), size);
      if (error != std::errc() || last != digits.data() + digits.size() || size < 0) refuse();
      shape.push_back(size);
    }
    if (shape.size() > 2) refuse();
    return shape;
  }

 private:
  [[noreturn]] void refuse() const {
    throw FormatError(file_, "the header '" + printable(text_.substr(0, 200)) +
                                 "' is none of an array of one or two dimensions");
  }

  std::string_view after(std::string_view key) const {
    const std::size_t at = text_.find(key);
    if (at == std::string_view::npos) refuse();
    return trim(text_.substr(at + key.size()));
  }

  const fs::path& file_;
  std::string_view text_;
};

template <typename T>
double value_at(const std::byte* bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return static_cast<double>(value);
}

using Read = double (*)(const std::byte*, std::size_t);
struct Type {
  std::string_view descr;
  std::size_t bytes;
  Read read;
};
constexpr Type kTypes[] = {
    {"|b1", 1, value_at<std::uint8_t>},  {"|u1", 1, value_at<std::uint8_t>},
    {"|i1", 1, value_at<std::int8_t>},   {"<i2", 2, value_at<std::int16_t>},
    {"<i4", 4, value_at<std::int32_t>},  {"<i8", 8, value_at<std::int64_t>},
    {"<u2", 2, value_at<std::uint16_t>}, {"<u4", 4, value_at<std::uint32_t>},
    {"<u8", 8, value_at<std::uint64_t>}, {"<f4", 4, value_at<float>},
    {"<f8", 8, value_at<double>},
};

const Type& type_of(const fs::path& file, const std::string& descr) {
  for (const Type& type : kTypes)
    if (type.descr == descr) return type;
  throw FormatError(file, "holds values of the type '" + printable(descr) +
                              "', which is not read here (bool, int, uint, float32, float64)");
}

// The header's text and where the values begin.
std::pair<std::string_view, std::size_t> header_of(const fs::path& file,
                                                   std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || text.size() < 12)
    throw FormatError(file, "is no array of numpy.save: it does not begin with \\x93NUMPY");
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  const std::size_t wide = byte(6) == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < wide; ++i) length |= byte(8 + i) << (8 * i);
  const std::size_t begin = 8 + wide;
  if (byte(6) < 1 || byte(6) > 3 || length > text.size() - begin)
    throw FormatError(file, "the header of this array is cut off, or of an unknown version");
  return {text.substr(begin, length), begin + length};
}

}  // namespace

NpyArray read_npy(const fs::path& file, std::int64_t limit) {
  const MappedFile map(file);
  const auto [text, begin] = header_of(file, map.bytes());
  const Header header(file, text);
  const Type& type = type_of(file, header.descr());
  NpyArray array;
  array.shape = header.shape();
  if (header.fortran_order() && array.shape.size() > 1)
    throw FormatError(file, "is in Fortran order; save numpy.ascontiguousarray of it");
  std::int64_t count = 1;
  for (const std::int64_t size : array.shape)
    if (__builtin_mul_overflow(count, size, &count)) count = -1;
  if (count < 0 || count > limit)
    throw FormatError(file, "holds more than " + grouped(limit) + " values");
  const auto bytes = map.bytes().subspan(begin);
  if (bytes.size() != static_cast<std::size_t>(count) * type.bytes)
    throw FormatError(file, "has " + grouped(static_cast<std::int64_t>(bytes.size())) +
                                " bytes of values, its shape needs " +
                                grouped(count * static_cast<std::int64_t>(type.bytes)));
  array.values.resize(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < array.values.size(); ++i)
    array.values[i] = type.read(bytes.data(), i);
  return array;
}

}  // namespace stockpot
