// Decoded pictures, and the files they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stockpot {

// 8-bit RGB, rows top to bottom, three bytes a pixel.
struct Image {
  int height = 0, width = 0;
  std::vector<std::uint8_t> rgb;
};

// Decodes JPEG, PNG or WebP by its first bytes, never by its name. The result equals
// Pillow's Image.open(...).convert("RGB"): alpha dropped, palettes and grey expanded, EXIF
// orientation not applied. Throws FormatError naming `origin`: not an image, truncated,
// more than 89,478,485 pixels, more than 1000 JPEG scans.
Image decode_image(std::span<const std::byte> file, const std::string& origin);

// A PNG file of the image (for reports).
std::vector<std::byte> encode_png(const Image& image);

}  // namespace stockpot
