// WebP through libwebp; alpha is dropped, not blended.
#include <webp/decode.h>

#include "stockpot/base/error.h"
#include "stockpot/data/decoders.h"

namespace stockpot {
namespace {

std::string problem(VP8StatusCode status, std::size_t size) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return "truncated WebP: it goes on after its " + std::to_string(size) + " bytes";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "a WebP with a feature that libwebp lacks";
    case VP8_STATUS_OUT_OF_MEMORY:
      return "not enough memory to decode the WebP";
    default:
      return "broken WebP";
  }
}

}  // namespace

Image decode_webp(std::span<const std::byte> file, const std::string& origin) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data());
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config))
    throw FormatError(origin, "this libwebp is of another version than the one built with");
  const VP8StatusCode header = WebPGetFeatures(bytes, file.size(), &config.input);
  if (header != VP8_STATUS_OK) throw FormatError(origin, problem(header, file.size()));
  if (config.input.has_animation)
    throw FormatError(origin, "an animated WebP; only still pictures are read");
  Image image = blank_image(static_cast<std::uint64_t>(config.input.height),
                            static_cast<std::uint64_t>(config.input.width), origin);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.rgb.data();
  config.output.u.RGBA.stride = image.width * 3;
  config.output.u.RGBA.size = image.rgb.size();
  const VP8StatusCode status = WebPDecode(bytes, file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) throw FormatError(origin, problem(status, file.size()));
  return image;
}

}  // namespace stockpot
