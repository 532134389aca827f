// The operations that look every value up in a table of 256. This file is compiled without
// fused multiply-add, which would change Pillow's tables.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "stockpot/data/operations.h"

namespace stockpot {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Counts = std::array<std::int64_t, 256>;

std::uint8_t clipped(std::int64_t value) {
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(value, 0, 255));
}

template <typename Value>
Table table_of(Value value) {
  Table table;
  for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = clipped(value(i));
  return table;
}

Image looked_up(Image image, const Table& table) {
  for (std::uint8_t& value : image.rgb) value = table[value];
  return image;
}

// A table a channel, made from the number of pixels with each value.
Image looked_up(Image image, Table (*make)(const Counts&)) {
  std::array<Counts, 3> counts{};
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    for (std::size_t c = 0; c < 3; ++c) ++counts[c][image.rgb[i + c]];
  const std::array<Table, 3> tables{make(counts[0]), make(counts[1]), make(counts[2])};
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    for (std::size_t c = 0; c < 3; ++c) image.rgb[i + c] = tables[c][image.rgb[i + c]];
  return image;
}

Table unchanged() {
  return table_of([](int i) { return i; });
}

Table stretching_table(const Counts& counts) {
  int low = 0, high = 255;
  while (low < 255 && counts[static_cast<std::size_t>(low)] == 0) ++low;
  while (high > 0 && counts[static_cast<std::size_t>(high)] == 0) --high;
  if (high <= low) return unchanged();
  const double scale = 255.0 / (high - low), offset = -low * scale;
  return table_of([&](int i) { return static_cast<std::int64_t>(i * scale + offset); });
}

Table equalizing_table(const Counts& counts) {
  std::int64_t pixels = 0, last = 0, different = 0;
  for (const std::int64_t count : counts) {
    if (count == 0) continue;
    pixels += count;
    last = count;
    ++different;
  }
  const std::int64_t step = (pixels - last) / 255;
  if (different <= 1 || step == 0) return unchanged();
  std::int64_t below = step / 2;
  // Above 255 where the last value is rare and the image small: Pillow clips, too.
  return table_of([&](int i) {
    const std::int64_t value = below / step;
    below += counts[static_cast<std::size_t>(i)];
    return value;
  });
}

}  // namespace

Image auto_contrast(Image image) { return looked_up(std::move(image), stretching_table); }

Image equalize(Image image) { return looked_up(std::move(image), equalizing_table); }

Image invert(Image image) {
  return looked_up(std::move(image), table_of([](int i) { return 255 - i; }));
}

Image posterize(Image image, int bits) {
  const int dropped = 8 - std::clamp(bits, 0, 8);
  return looked_up(std::move(image), table_of([&](int i) { return i >> dropped << dropped; }));
}

Image solarize(Image image, int threshold) {
  return looked_up(std::move(image), table_of([&](int i) { return i < threshold ? i : 255 - i; }));
}

Image solarize_add(Image image, int amount) {
  return looked_up(std::move(image), table_of([&](int i) { return i < 128 ? i + amount : i; }));
}

}  // namespace stockpot
