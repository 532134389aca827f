#include "stockpot/kernels/convolution.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "stockpot/kernels/gemm.h"

namespace stockpot {
namespace {

// One pixel of the batch, as a matrix of images x channels.
MatrixView pixel(const float* pictures, std::int64_t index, std::int64_t pixels,
                 std::int64_t channels) {
  return {pictures + index * channels, pixels * channels, 1};
}

// Calls use(place of the kernel, input pixel, output pixel) for the places that meet both
// pictures, in order of the places.
template <typename Use>
void for_meetings(const ConvShape& s, const Use& use) {
  for (std::int64_t place = 0; place < s.size * s.size; ++place)
    for (std::int64_t row = 0; row < s.out_height(); ++row)
      for (std::int64_t column = 0; column < s.out_width(); ++column) {
        const std::int64_t y = row * s.stride + place / s.size - s.size / 2;
        const std::int64_t x = column * s.stride + place % s.size - s.size / 2;
        if (y >= 0 && y < s.height && x >= 0 && x < s.width)
          use(place, y * s.width + x, row * s.out_width() + column);
      }
}

// The matrices of all places of the kernel, packed for multiply().
class PackedPlaces {
 public:
  // The matrix of `place` is k x n, its element (i, j) at data[place * step + ...].
  PackedPlaces(std::int64_t places, std::int64_t step, std::int64_t k, std::int64_t n,
               const MatrixView& first)
      : each_(k * packed_columns(n)), data_(new float[static_cast<std::size_t>(places * each_)]) {
    for (std::int64_t place = 0; place < places; ++place)
      pack(k, n, {first.data + place * step, first.row, first.column}, data_.get() + place * each_);
  }

  const float* operator[](std::int64_t place) const { return data_.get() + place * each_; }

 private:
  std::int64_t each_;
  std::unique_ptr<float[]> data_;
};

// A batch of pictures (or a weight, as `out` pictures of its places) whose pixels are sums of
// products. The first product of a pixel overwrites it.
class Sums {
 public:
  Sums(std::int64_t images, std::int64_t pixels, std::int64_t channels, const Channels& part,
       float* pictures)
      : images_(images),
        pixels_(pixels),
        channels_(channels),
        part_(part),
        pictures_(pictures),
        started_(static_cast<std::size_t>(pixels)) {}

  void add(std::int64_t index, std::int64_t k, const MatrixView& a, const float* packed) {
    char& started = started_[static_cast<std::size_t>(index)];
    multiply(images_, part_.end - part_.begin, k, a, packed, at(0, index), pixels_ * channels_,
             {.accumulate = started != 0});
    started = 1;
  }

  // Some pixels have no products: those that a stride skips, and places of a large kernel that
  // lie outside every picture.
  void clear_others() {
    for (std::int64_t index = 0; index < pixels_; ++index) {
      if (started_[static_cast<std::size_t>(index)]) continue;
      for (std::int64_t image = 0; image < images_; ++image)
        std::fill_n(at(image, index), part_.end - part_.begin, 0.0f);
    }
  }

 private:
  float* at(std::int64_t image, std::int64_t index) const {
    return pictures_ + (image * pixels_ + index) * channels_ + part_.begin;
  }

  std::int64_t images_, pixels_, channels_;
  Channels part_;
  float* pictures_;
  std::vector<char> started_;
};

}  // namespace

void convolve(const ConvShape& s, const Channels& part, const float* x, const float* weight,
              float* y) {
  const std::int64_t places = s.size * s.size;
  const PackedPlaces packed(places, s.in, s.in, part.end - part.begin,
                            {weight + part.begin * places * s.in, 1, places * s.in});
  Sums sums(s.images, s.out_pixels(), s.out, part, y);
  for_meetings(s, [&](std::int64_t place, std::int64_t from, std::int64_t to) {
    sums.add(to, s.in, pixel(x, from, s.pixels(), s.in), packed[place]);
  });
}

void convolve_backward(const ConvShape& s, const Channels& part, const float* y_gradient,
                       const float* weight, float* x_gradient) {
  const std::int64_t places = s.size * s.size;
  const PackedPlaces packed(places, s.in, s.out, part.end - part.begin,
                            {weight + part.begin, places * s.in, 1});
  Sums sums(s.images, s.pixels(), s.in, part, x_gradient);
  for_meetings(s, [&](std::int64_t place, std::int64_t from, std::int64_t to) {
    sums.add(from, s.out, pixel(y_gradient, to, s.out_pixels(), s.out), packed[place]);
  });
  sums.clear_others();
}

void convolve_weight_gradient(const ConvShape& s, const Channels& part, const float* y_gradient,
                              const float* x, float* weight_gradient) {
  const std::int64_t places = s.size * s.size, n = part.end - part.begin;
  const std::int64_t each = s.images * packed_columns(n);
  const std::unique_ptr<float[]> packed(new float[static_cast<std::size_t>(s.pixels() * each)]);
  for (std::int64_t i = 0; i < s.pixels(); ++i) {
    const MatrixView all = pixel(x, i, s.pixels(), s.in);
    pack(s.images, n, {all.data + part.begin, all.row, 1}, packed.get() + i * each);
  }
  Sums sums(s.out, places, s.in, part, weight_gradient);
  for_meetings(s, [&](std::int64_t place, std::int64_t from, std::int64_t to) {
    sums.add(place, s.images, transposed(pixel(y_gradient, to, s.out_pixels(), s.out)),
             packed.get() + from * each);
  });
  sums.clear_others();
}

}  // namespace stockpot
