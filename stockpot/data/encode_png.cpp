// PNG files for reports: 8-bit RGB, libpng's default filters and compression.
#include <png.h>

#include <cassert>
#include <csetjmp>
#include <new>
#include <utility>

#include "stockpot/data/image.h"

namespace stockpot {
namespace {

struct Writer {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::vector<std::byte> file;

  Writer() = default;
  Writer(const Writer&) = delete;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

[[noreturn]] void on_error(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void on_warning(png_structp, png_const_charp) {}
void flush(png_structp) {}

void append(png_structp png, png_bytep bytes, std::size_t count) {
  auto& writer = *static_cast<Writer*>(png_get_io_ptr(png));
  const auto* first = reinterpret_cast<const std::byte*>(bytes);
  try {
    writer.file.insert(writer.file.end(), first, first + count);
    return;
  } catch (const std::bad_alloc&) {  // may not pass through libpng
  }
  png_error(png, "out of memory");
}

bool write(Writer& writer, const Image& image) {
  if (setjmp(png_jmpbuf(writer.png))) return false;
  png_set_write_fn(writer.png, &writer, append, flush);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer.png, writer.info);
  for (int y = 0; y < image.height; ++y)
    png_write_row(writer.png, image.rgb.data() + static_cast<std::size_t>(y) *
                                                     static_cast<std::size_t>(image.width) * 3);
  png_write_end(writer.png, writer.info);
  return true;
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  assert(image.height > 0 && image.width > 0);
  assert(image.rgb.size() ==
         static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3);
  Writer writer;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, on_error, on_warning);
  writer.info = writer.png ? png_create_info_struct(writer.png) : nullptr;
  // Writing a well-formed image to memory fails for want of memory only.
  if (!writer.info || !write(writer, image)) throw std::bad_alloc();
  return std::move(writer.file);
}

}  // namespace stockpot
