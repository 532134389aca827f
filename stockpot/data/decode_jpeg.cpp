// JPEG through libjpeg-turbo with the settings that Pillow uses: accurate integer DCT,
// fancy upsampling, CMYK taken as inverted (Adobe's way).
//
// libjpeg reports errors by longjmp. It may not pass over C++ objects with destructors, so
// every function that calls setjmp has only plain locals, and whatever owns memory lives in
// its caller.
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
//
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/data/decoders.h"

namespace stockpot {
namespace {

// A scan may be a few bytes long and still costs a walk over all coefficients (LJT-01 of
// "Two Issues with the JPEG Standard", libjpeg-turbo.org).
constexpr int kMaxScans = 1000;

enum class Outcome { done, truncated, failed };

struct JpegState {
  jpeg_decompress_struct info{};
  jpeg_error_mgr error{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";
  bool too_many_scans = false;

  JpegState() = default;
  JpegState(const JpegState&) = delete;
  ~JpegState() { jpeg_destroy_decompress(&info); }  // allowed when nothing was created
};

JpegState& state_of(void* client_data) { return *static_cast<JpegState*>(client_data); }

[[noreturn]] void on_error(j_common_ptr info) {
  JpegState& state = state_of(info->client_data);
  info->err->format_message(info, state.message);
  std::longjmp(state.jump, 1);
}

void on_message(j_common_ptr) {}

void on_progress(j_common_ptr info) {
  JpegState& state = state_of(info->client_data);
  if (state.info.input_scan_number <= kMaxScans) return;
  state.too_many_scans = true;
  std::longjmp(state.jump, 1);
}

void nothing(j_decompress_ptr) {}

// All bytes were given at the start, so asking for more means that the file is cut off. The
// library then suspends instead of making up grey pixels.
boolean no_more_input(j_decompress_ptr) { return FALSE; }

void skip_input(j_decompress_ptr info, long count) {
  jpeg_source_mgr& source = *info->src;
  const std::size_t skipped =
      std::min(static_cast<std::size_t>(std::max(count, 0L)), source.bytes_in_buffer);
  source.next_input_byte += skipped;
  source.bytes_in_buffer -= skipped;
}

Outcome read_header(JpegState& state, const unsigned char* bytes, std::size_t size) {
  state.info.err = jpeg_std_error(&state.error);
  state.error.error_exit = on_error;
  state.error.output_message = on_message;
  state.info.client_data = &state;
  if (setjmp(state.jump)) return Outcome::failed;
  jpeg_create_decompress(&state.info);  // keeps err and client_data
  state.source.next_input_byte = bytes;
  state.source.bytes_in_buffer = size;
  state.source.init_source = nothing;
  state.source.fill_input_buffer = no_more_input;
  state.source.skip_input_data = skip_input;
  state.source.resync_to_restart = jpeg_resync_to_restart;
  state.source.term_source = nothing;
  state.info.src = &state.source;
  state.progress.progress_monitor = on_progress;
  state.info.progress = &state.progress;
  for (;;) {
    const int found = jpeg_read_header(&state.info, FALSE);
    if (found == JPEG_SUSPENDED) return Outcome::truncated;
    if (found == JPEG_HEADER_OK) return Outcome::done;
  }
}

Outcome start(JpegState& state) {
  if (setjmp(state.jump)) return Outcome::failed;
  return jpeg_start_decompress(&state.info) ? Outcome::done : Outcome::truncated;
}

// Pillow's CMYK;I -> CMYK -> RGB.
void rgb_from_inverted_cmyk(const std::uint8_t* cmyk, std::uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int white = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * white + 128;
      rgb[c] = static_cast<std::uint8_t>(
          std::max(0, white - (((product >> 8) + product) >> 8)));  // product / 255, rounded
    }
  }
}

void rgb_from_grey(const std::uint8_t* grey, std::uint8_t* rgb, int width) {
  for (int x = 0; x < width; ++x) rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = grey[x];
}

// `row` holds one line as the library gives it; RGB lines go to `rgb` directly.
Outcome read_pixels(JpegState& state, std::uint8_t* rgb, std::uint8_t* row) {
  if (setjmp(state.jump)) return Outcome::failed;
  const int width = static_cast<int>(state.info.output_width);
  const int channels = state.info.output_components;
  while (state.info.output_scanline < state.info.output_height) {
    std::uint8_t* target =
        rgb + static_cast<std::size_t>(state.info.output_scanline) * state.info.output_width * 3;
    JSAMPROW line = channels == 3 ? target : row;
    if (jpeg_read_scanlines(&state.info, &line, 1) != 1) return Outcome::truncated;
    if (channels == 1) rgb_from_grey(row, target, width);
    if (channels == 4) rgb_from_inverted_cmyk(row, target, width);
  }
  // What follows the last line (an end marker, other data) is not looked at.
  return Outcome::done;
}

void require(Outcome outcome, const JpegState& state, std::size_t size, const std::string& origin) {
  if (outcome == Outcome::done) return;
  if (outcome == Outcome::truncated)
    throw FormatError(
        origin, "truncated JPEG: the picture goes on after its " + std::to_string(size) + " bytes");
  if (state.too_many_scans)
    throw FormatError(origin, "a JPEG of more than " + std::to_string(kMaxScans) + " scans");
  throw FormatError(origin, std::string("broken JPEG: ") + state.message);
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> file, const std::string& origin) {
  JpegState state;
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  require(read_header(state, bytes, file.size()), state, file.size(), origin);
  check_size(state.info.image_height, state.info.image_width, origin);
  switch (state.info.num_components) {
    case 1:
      state.info.out_color_space = JCS_GRAYSCALE;
      break;
    case 3:
      state.info.out_color_space = JCS_RGB;
      break;
    case 4:
      state.info.out_color_space = JCS_CMYK;
      break;
    default:
      throw FormatError(origin, "a JPEG of " + std::to_string(state.info.num_components) +
                                    " channels; 1, 3 and 4 are known");
  }
  require(start(state), state, file.size(), origin);
  Image image = blank_image(state.info.output_height, state.info.output_width, origin);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(image.width) * 4);
  require(read_pixels(state, image.rgb.data(), row.data()), state, file.size(), origin);
  return image;
}

}  // namespace stockpot
