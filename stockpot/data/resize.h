// The resampling behind resize(), prepare() and augment(): any part of a resized picture,
// without computing the rest.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stockpot/data/transform.h"

namespace stockpot {

// Pixels of somebody else's image: rows of `width` RGB triples, `stride` bytes apart.
struct ImageView {
  const std::uint8_t* rgb = nullptr;
  std::ptrdiff_t stride = 0;
  int height = 0, width = 0;
};

ImageView view_of(const Image& image);
ImageView part_of(const ImageView& view, int top, int left, int height, int width);
Image copy_of(const ImageView& view);

// A rectangle of a picture that may be too large to exist.
struct Region {
  std::int64_t top = 0, left = 0;
  int height = 0, width = 0;
};

// `region` of the picture that resize(view, height, width, interpolation, box) would give,
// which must contain it. Takes memory and time for the region and the source only: a source
// of 1 x 80,000,000 pixels may be resized to 224 x 17,920,000,000.
Image resize_region(const ImageView& view, std::int64_t height, std::int64_t width,
                    Interpolation interpolation, const Box& box, const Region& region);

}  // namespace stockpot
