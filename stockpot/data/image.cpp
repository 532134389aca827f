#include "stockpot/data/image.h"

#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/data/decoders.h"

namespace stockpot {
namespace {

using Decoder = Image (*)(std::span<const std::byte>, const std::string&);

struct FormatRow {
  std::string_view name;
  std::string_view magic;  // the first bytes; '?' stands for any byte
  Decoder decode;          // nullptr: known by name only
};

constexpr std::string_view kPngMagic("\x89PNG\r\n\x1a\n", 8);

constexpr FormatRow kFormats[] = {
    {"JPEG", "\xff\xd8\xff", decode_jpeg},
    {"PNG", kPngMagic, decode_png},
    {"WebP", "RIFF????WEBP", decode_webp},
    {"GIF", "GIF8", nullptr},
    {"BMP", "BM", nullptr},
    {"TIFF", std::string_view("II*\0", 4), nullptr},
    {"TIFF", std::string_view("MM\0*", 4), nullptr},
    {"AVIF or HEIF", "????ftyp", nullptr},
    {"JPEG 2000", std::string_view("\0\0\0\x0cjP", 6), nullptr},
};

bool starts_with(std::span<const std::byte> file, std::string_view magic) {
  if (file.size() < magic.size()) return false;
  for (std::size_t i = 0; i < magic.size(); ++i)
    if (magic[i] != '?' &&
        std::to_integer<unsigned char>(file[i]) != static_cast<unsigned char>(magic[i]))
      return false;
  return true;
}

}  // namespace

void check_size(std::uint64_t height, std::uint64_t width, const std::string& origin) {
  if (height == 0 || width == 0) throw FormatError(origin, "the image has no pixels");
  if (height > kMaxPixels / width)
    throw FormatError(origin, "claims " + std::to_string(width) + " x " + std::to_string(height) +
                                  " pixels; at most " + grouped(kMaxPixels) + " are read");
}

Image blank_image(std::uint64_t height, std::uint64_t width, const std::string& origin) {
  check_size(height, width, origin);
  Image image;
  image.height = static_cast<int>(height);
  image.width = static_cast<int>(width);
  image.rgb.resize(static_cast<std::size_t>(height * width * 3));
  return image;
}

Image decode_image(std::span<const std::byte> file, const std::string& origin) {
  if (file.empty()) throw FormatError(origin, "the file is empty");
  for (const FormatRow& format : kFormats) {
    if (!starts_with(file, format.magic)) continue;
    if (format.decode) return format.decode(file, origin);
    throw FormatError(
        origin, "a " + std::string(format.name) + " file; JPEG, PNG and WebP are read: convert it");
  }
  throw FormatError(origin, "not an image: its first bytes are not those of JPEG, PNG or WebP");
}

}  // namespace stockpot
