// What the image tests share: fixtures and the pictures that make.py computes too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/data/image.h"

namespace stockpot::test {

inline std::string fixture_bytes(const std::string& name) {
  const std::string path = STOCKPOT_SOURCE_DIR "/tests/fixtures/data/" + name;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("missing fixture " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<std::vector<std::string>> fixture_rows(const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : split(fixture_bytes(name), '\n'))
    if (!line.empty()) rows.push_back(split(line, '\t'));
  return rows;
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string digest(const Image& image) {
  return sha256(std::as_bytes(std::span(image.rgb)));
}

// formula() of make.py.
inline Image formula(int height, int width) {
  Image image{height, width, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        image.rgb.push_back(static_cast<std::uint8_t>(x * x * 7 + y * 13 + x * y * 3 + c * 101 +
                                                      (((x * 31) ^ (y * 17)) & 63) * (c + 1)));
  return image;
}

// cube() of make.py.
inline Image colour_cube() {
  Image image{52, 52 * 52, {}};
  for (int r = 0; r < 256; r += 5)
    for (int g = 0; g < 256; g += 5)
      for (int b = 0; b < 256; b += 5)
        for (const int value : {r, g, b}) image.rgb.push_back(static_cast<std::uint8_t>(value));
  return image;
}

}  // namespace stockpot::test
