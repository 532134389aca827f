// scikit-learn's load_digits() as features, and what the tests of the probe do with them.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "stockpot/base/file.h"
#include "stockpot/data/image.h"
#include "stockpot/train/probe.h"
#include "support.h"

namespace stockpot::test {

struct Digits {
  at::Tensor features = at::empty({1797, 64}, at::kFloat);
  at::Tensor labels = at::empty({1797}, at::kLong);

  Digits() {
    const std::string file = read_file(fixtures() / "train/digits.png");
    const Image image = decode_image(std::as_bytes(std::span(file)), "digits.png");
    for (std::int64_t i = 0; i < 1797; ++i)
      for (std::int64_t j = 0; j < 65; ++j) {
        const std::uint8_t value = image.rgb[static_cast<std::size_t>((i * 65 + j) * 3)];
        if (j < 64)
          features.data_ptr<float>()[i * 64 + j] = value;
        else
          labels.data_ptr<std::int64_t>()[i] = value;
      }
  }

  ProbeResult probe(const ProbeOptions& options) const {
    return fit_probe(features.slice(0, 0, 1000), labels.slice(0, 0, 1000),
                     features.slice(0, 1000, 1400), labels.slice(0, 1000, 1400), 10, options);
  }
};

inline const Digits& digits() {
  static const Digits loaded;
  return loaded;
}

inline ProbeOptions penalties(std::vector<double> c, double tolerance = 1e-7) {
  ProbeOptions options;
  options.c = std::move(c);
  options.tolerance = tolerance;
  return options;
}

}  // namespace stockpot::test
