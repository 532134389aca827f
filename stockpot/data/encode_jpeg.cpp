// JPEG files through libjpeg-turbo with the settings that Pillow uses. As in decode_jpeg.cpp no
// object with a destructor lives where longjmp passes.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
//
#include <jpeglib.h>

#include <cassert>
#include <cstdlib>

#include "stockpot/base/error.h"
#include "stockpot/data/corruption.h"

namespace stockpot {
namespace {

struct Encoder {
  jpeg_compress_struct info{};
  jpeg_error_mgr error{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";
  unsigned char* file = nullptr;  // from malloc, by the library
  unsigned long size = 0;

  Encoder() = default;
  Encoder(const Encoder&) = delete;
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(file);
  }
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto& encoder = *static_cast<Encoder*>(info->client_data);
  info->err->format_message(info, encoder.message);
  std::longjmp(encoder.jump, 1);
}

bool encode(Encoder& encoder, const Image& image, int quality) {
  encoder.info.err = jpeg_std_error(&encoder.error);
  encoder.error.error_exit = on_error;
  encoder.info.client_data = &encoder;
  if (setjmp(encoder.jump)) return false;
  jpeg_create_compress(&encoder.info);
  jpeg_mem_dest(&encoder.info, &encoder.file, &encoder.size);
  encoder.info.image_width = static_cast<JDIMENSION>(image.width);
  encoder.info.image_height = static_cast<JDIMENSION>(image.height);
  encoder.info.input_components = 3;
  encoder.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder.info);
  jpeg_set_quality(&encoder.info, quality, TRUE);
  jpeg_start_compress(&encoder.info, TRUE);
  while (encoder.info.next_scanline < encoder.info.image_height) {
    // The library takes rows that are not const and only reads them.
    auto* row = const_cast<std::uint8_t*>(image.rgb.data()) +
                static_cast<std::size_t>(encoder.info.next_scanline) * encoder.info.image_width * 3;
    jpeg_write_scanlines(&encoder.info, &row, 1);
  }
  jpeg_finish_compress(&encoder.info);
  return true;
}

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  assert(image.height > 0 && image.width > 0);
  Encoder encoder;
  if (!encode(encoder, image, quality))
    throw RunError(std::string("a picture cannot be written as JPEG: ") + encoder.message);
  const auto* bytes = reinterpret_cast<const std::byte*>(encoder.file);
  return {bytes, bytes + encoder.size};
}

}  // namespace stockpot
