// PNG through libpng, to the colours of Pillow's convert("RGB"): alpha and transparent colours
// are dropped, not blended; 16-bit colour keeps its high byte, but 16-bit grey is clipped at
// 255 (Pillow reads it as 32-bit integers and converts these by clipping).
//
// libpng reports errors by longjmp: see decode_jpeg.cpp for the rule this imposes.
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/data/decoders.h"

namespace stockpot {
namespace {

struct PngState {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::byte* bytes = nullptr;
  std::size_t size = 0, position = 0;
  char message[200] = "";

  PngState() = default;
  PngState(const PngState&) = delete;
  ~PngState() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto& state = *static_cast<PngState*>(png_get_error_ptr(png));
  std::snprintf(state.message, sizeof state.message, "%s", text);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep target, std::size_t count) {
  auto& state = *static_cast<PngState*>(png_get_io_ptr(png));
  if (count > state.size - state.position) png_error(png, "truncated");
  std::memcpy(target, state.bytes + state.position, count);
  state.position += count;
}

// Reads up to the pixels and asks for one byte an index or grey value, two bytes a 16-bit
// grey value, three bytes a colour.
bool read_header(PngState& state) {
  if (setjmp(png_jmpbuf(state.png))) return false;
  png_set_read_fn(state.png, &state, read_bytes);
  png_set_user_limits(state.png, kMaxPixels, kMaxPixels);
  // Text, profiles and the like are skipped unread: they cannot be bombs then.
  png_set_keep_unknown_chunks(state.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(state.png, state.info);
  const int colour = png_get_color_type(state.png, state.info);
  const int depth = png_get_bit_depth(state.png, state.info);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_packing(state.png);
  if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(state.png);
  if (colour != PNG_COLOR_TYPE_GRAY && depth == 16) png_set_strip_16(state.png);
  if (colour & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(state.png);
  return true;
}

// Fills the last rowbytes() of every line of `rgb`, so that it can be widened in place.
bool read_pixels(PngState& state, std::uint8_t* rgb, std::size_t height, std::size_t stride) {
  if (setjmp(png_jmpbuf(state.png))) return false;
  const int passes = png_set_interlace_handling(state.png);
  png_read_update_info(state.png, state.info);
  const std::size_t bytes = png_get_rowbytes(state.png, state.info);
  if (bytes > stride) png_error(state.png, "unexpected row size");
  for (int pass = 0; pass < passes; ++pass)
    for (std::size_t y = 0; y < height; ++y)
      png_read_row(state.png, rgb + (y + 1) * stride - bytes, nullptr);
  png_read_end(state.png, nullptr);
  return true;
}

// The colours of the 256 indices or grey values. Indices beyond a palette are grey, as in
// Pillow, whose palettes start as a ramp.
using Colours = std::array<std::array<std::uint8_t, 3>, 256>;

Colours colours_of(const PngState& state) {
  Colours colours;
  for (std::size_t i = 0; i < colours.size(); ++i) colours[i].fill(static_cast<std::uint8_t>(i));
  png_colorp palette = nullptr;
  int entries = 0;
  if (png_get_color_type(state.png, state.info) == PNG_COLOR_TYPE_PALETTE &&
      png_get_PLTE(state.png, state.info, &palette, &entries))
    for (int i = 0; i < std::min(entries, 256); ++i)
      colours[static_cast<std::size_t>(i)] = {palette[i].red, palette[i].green, palette[i].blue};
  return colours;
}

// `narrow` is the tail of the line at `rgb`: reading stays ahead of writing.
void widen_line(std::uint8_t* rgb, const std::uint8_t* narrow, int width, bool two_bytes,
                const Colours& colours) {
  for (int x = 0; x < width; ++x, rgb += 3) {
    const unsigned value =
        two_bytes ? unsigned{narrow[2 * x]} << 8 | narrow[2 * x + 1] : unsigned{narrow[x]};
    const std::array<std::uint8_t, 3> colour = colours[std::min(value, 255u)];
    std::copy(colour.begin(), colour.end(), rgb);
  }
}

void widen(Image& image, const PngState& state) {
  const auto stride = static_cast<std::size_t>(image.width) * 3;
  const std::size_t bytes = png_get_rowbytes(state.png, state.info);
  if (bytes == stride) return;
  const Colours colours = colours_of(state);
  const bool two_bytes = png_get_bit_depth(state.png, state.info) == 16;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    std::uint8_t* line = image.rgb.data() + y * stride;
    widen_line(line, line + stride - bytes, image.width, two_bytes, colours);
  }
}

std::uint32_t big_endian(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

[[noreturn]] void fail(const PngState& state, const std::string& origin) {
  if (std::string_view(state.message) == "truncated")
    throw FormatError(
        origin, "truncated PNG: it goes on after its " + std::to_string(state.size) + " bytes");
  throw FormatError(origin, std::string("broken PNG: ") + state.message);
}

}  // namespace

Image decode_png(std::span<const std::byte> file, const std::string& origin) {
  PngState state;
  state.bytes = file.data();
  state.size = file.size();
  // Signature, length, "IHDR", width, height: checked here for a message with both numbers.
  if (file.size() >= 24 && std::memcmp(file.data() + 12, "IHDR", 4) == 0)
    check_size(big_endian(file.subspan<20, 4>()), big_endian(file.subspan<16, 4>()), origin);
  state.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, on_error, on_warning);
  state.info = state.png ? png_create_info_struct(state.png) : nullptr;
  if (!state.info) throw std::bad_alloc();
  if (!read_header(state)) fail(state, origin);
  Image image = blank_image(png_get_image_height(state.png, state.info),
                            png_get_image_width(state.png, state.info), origin);
  if (!read_pixels(state, image.rgb.data(), static_cast<std::size_t>(image.height),
                   static_cast<std::size_t>(image.width) * 3))
    fail(state, origin);
  widen(image, state);
  return image;
}

}  // namespace stockpot
