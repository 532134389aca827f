// The decoders behind decode_image(), one a format, and what they share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "stockpot/data/image.h"

namespace stockpot {

// Pillow's limit: it warns above this and calls it a decompression bomb above twice this.
constexpr std::uint64_t kMaxPixels = 89'478'485;

// Called with what the header says, before anything of that size is allocated. Throws
// FormatError naming `origin` when a side is 0 or there are more than kMaxPixels pixels.
void check_size(std::uint64_t height, std::uint64_t width, const std::string& origin);

// An image of this size with unset (black) pixels, after check_size().
Image blank_image(std::uint64_t height, std::uint64_t width, const std::string& origin);

// Each expects a file whose first bytes are those of its format, and throws FormatError
// naming `origin` when the rest does not decode.
Image decode_jpeg(std::span<const std::byte> file, const std::string& origin);
Image decode_png(std::span<const std::byte> file, const std::string& origin);
Image decode_webp(std::span<const std::byte> file, const std::string& origin);

}  // namespace stockpot
