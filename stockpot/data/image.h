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
// Pillow's Image.open(...).convert("RGB"), tested with 9.4: alpha dropped, palettes and grey
// expanded, EXIF orientation not applied, CMYK taken as inverted, 16-bit grey clipped at 255;
// and 13.0's but for indices that a PNG's palette lacks, which 13.0 shows black.
// Throws FormatError naming `origin`: not an image, truncated or broken, more than 89,478,485
// pixels, more than 1000 JPEG scans, an animated WebP. Stricter than Pillow with PNG only:
// the end and the checksums of the critical chunks must be there.
Image decode_image(std::span<const std::byte> file, const std::string& origin);

// A PNG file of the image (for reports).
std::vector<std::byte> encode_png(const Image& image);

}  // namespace stockpot
