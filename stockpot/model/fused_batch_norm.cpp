#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stockpot/kernels/batch_norm.h"
#include "stockpot/kernels/rows.h"
#include "stockpot/model/blocks.h"
#include "stockpot/model/custom_function.h"
#include "stockpot/model/fused_ops.h"
#include "stockpot/model/network.h"

namespace stockpot {
namespace {

using Floats = std::vector<float>;

constexpr double kMomentum = kBatchNormMomentum;

// The pixels of a batch as rows, in blocks that fit the cache.
struct Pixels {
  explicit Pixels(const at::Tensor& x)
      : channels(x.size(1)),
        rows(x.numel() / channels),
        block(std::max<std::int64_t>(1, 16384 / channels)),
        blocks((rows + block - 1) / block) {}

  // body(block, offset of its first float, rows)
  template <typename Body>
  void for_each(const Body& body) const {
    for_blocks(blocks, [&](std::int64_t i) {
      body(i, i * block * channels, std::min(block, rows - i * block));
    });
  }
  Floats parts() const { return Floats(static_cast<std::size_t>(blocks * channels)); }

  std::int64_t channels, rows, block, blocks;
};

// Mean and variance of each channel over the batch; the running ones move towards them, the
// variance as the unbiased estimate.
void batch_statistics(const Pixels& pixels, const at::Tensor& x, const BatchNormTensors& norm,
                      Floats& mean, Floats& variance) {
  const std::int64_t channels = pixels.channels;
  Floats means = pixels.parts(), squares = pixels.parts();
  pixels.for_each([&](std::int64_t block, std::int64_t at, std::int64_t rows) {
    moments(rows, channels, data_of(x) + at, means.data() + block * channels,
            squares.data() + block * channels);
  });
  join_moments(pixels.rows, pixels.block, channels, means.data(), squares.data(), mean.data(),
               variance.data());
  float* const running_mean = norm.running_mean.data_ptr<float>();
  float* const running_variance = norm.running_variance.data_ptr<float>();
  const double n = static_cast<double>(pixels.rows), unbiased = n / std::max(1.0, n - 1);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    running_mean[c] = static_cast<float>((1 - kMomentum) * running_mean[c] + kMomentum * mean[c]);
    running_variance[c] = static_cast<float>((1 - kMomentum) * running_variance[c] +
                                             kMomentum * unbiased * variance[c]);
  }
}

// What one application of the layer does to a channel.
struct Scaling {
  Floats mean, inverse, scale;  // inverse: 1 / sqrt(variance + epsilon)
};

Scaling scaling_of(const Pixels& pixels, const at::Tensor& x, const BatchNormTensors& norm,
                   bool live, double epsilon) {
  const auto channels = static_cast<std::size_t>(pixels.channels);
  Scaling s{Floats(channels), Floats(channels), Floats(channels)};
  Floats variance(channels);
  if (live) {
    batch_statistics(pixels, x, norm, s.mean, variance);
  } else {
    std::copy_n(data_of(norm.running_mean), channels, s.mean.data());
    std::copy_n(data_of(norm.running_variance), channels, variance.data());
  }
  const float* const weight = data_of(norm.weight);
  for (std::size_t c = 0; c < channels; ++c) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    s.inverse[c] = static_cast<float>(inverse);
    s.scale[c] = static_cast<float>(weight[c] * inverse);
  }
  return s;
}

void write_result(const Pixels& pixels, const at::Tensor& x, const Scaling& s,
                  const at::Tensor& bias, const Maybe& shortcut, bool relu, const at::Tensor& y) {
  float* const results = y.data_ptr<float>();
  pixels.for_each([&](std::int64_t, std::int64_t at, std::int64_t rows) {
    batch_norm(rows, pixels.channels, data_of(x) + at, s.mean.data(), s.scale.data(), data_of(bias),
               {.shortcut = shortcut ? data_of(shortcut) + at : nullptr, .relu = relu},
               results + at);
  });
}

// The gradient of x is scale * (g - mean(g) - z mean(g z)) for z = (x - mean) * inverse, the
// means over the batch; with frozen statistics only the first term.
struct Factors {
  Factors(const Pixels& pixels, const Floats& sums, const float* weight, const float* mean,
          const float* inverse, bool live)
      : by_g(static_cast<std::size_t>(pixels.channels)) {
    const auto channels = by_g.size();
    if (live) {
      by_x.resize(channels);
      constant.resize(channels);
    }
    const double n = static_cast<double>(pixels.rows);
    for (std::size_t c = 0; c < channels; ++c) {
      const double scale = static_cast<double>(weight[c]) * inverse[c];
      by_g[c] = static_cast<float>(scale);
      if (!live) continue;
      const double slope = -scale * inverse[c] * inverse[c] * sums[channels + c] / n;
      by_x[c] = static_cast<float>(slope);
      constant[c] = static_cast<float>(-scale * sums[c] / n - slope * mean[c]);
    }
  }

  BatchNormFactors view() const {
    return {by_g.data(), by_x.empty() ? nullptr : by_x.data(), constant.data()};
  }

  Floats by_g, by_x, constant;
};

struct BatchNormFunction : torch::autograd::Function<BatchNormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const Maybe& shortcut,
                            const BatchNormTensors& norm, bool live, bool relu, double epsilon) {
    const Pixels pixels(x);
    const Scaling s = scaling_of(pixels, x, norm, live, epsilon);
    const at::Tensor y = at::empty_like(x);
    write_result(pixels, x, s, bias, shortcut, relu, y);
    const at::Tensor statistics = at::empty({2, pixels.channels}, x.options());
    float* const saved = statistics.data_ptr<float>();
    std::copy(s.inverse.begin(), s.inverse.end(), std::copy(s.mean.begin(), s.mean.end(), saved));
    context->save_for_backward({x, weight, statistics, relu ? y : at::Tensor()});
    context->saved_data["live"] = live;
    context->saved_data["shortcut"] = shortcut.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const Pixels pixels(x);
    const std::int64_t channels = pixels.channels;
    const float *mean = data_of(saved[2]), *inverse = mean + channels, *g = data_of(gradient);
    const float* const y = saved[3].defined() ? data_of(saved[3]) : nullptr;

    Floats parts(static_cast<std::size_t>(2 * pixels.blocks * channels));
    pixels.for_each([&](std::int64_t block, std::int64_t at, std::int64_t rows) {
      float* const part = parts.data() + 2 * block * channels;
      batch_norm_sums(rows, channels, data_of(x) + at, y ? y + at : nullptr, g + at, mean, part,
                      part + channels);
    });
    Floats sums(static_cast<std::size_t>(2 * channels));
    add_parts(pixels.blocks, 2 * channels, parts.data(), sums.data());

    const bool has_shortcut = context->saved_data["shortcut"].toBool();
    const at::Tensor x_gradient = at::empty_like(x);
    // Without a relu the shortcut's gradient is the gradient itself.
    const bool write_shortcut = has_shortcut && y;
    at::Tensor shortcut_gradient;
    if (has_shortcut) shortcut_gradient = write_shortcut ? at::empty_like(x) : gradient;
    float* const shortcut_out = write_shortcut ? shortcut_gradient.data_ptr<float>() : nullptr;
    const Factors factors(pixels, sums, data_of(weight), mean, inverse,
                          context->saved_data["live"].toBool());
    pixels.for_each([&](std::int64_t, std::int64_t at, std::int64_t rows) {
      batch_norm_backward(rows, channels, data_of(x) + at, y ? y + at : nullptr, g + at,
                          factors.view(), x_gradient.data_ptr<float>() + at,
                          shortcut_out ? shortcut_out + at : nullptr);
    });

    const at::Tensor trained = at::empty({2, channels}, weight.options());
    float* const out = trained.data_ptr<float>();
    for (std::int64_t c = 0; c < channels; ++c) {
      out[c] = sums[static_cast<std::size_t>(channels + c)] * inverse[c];
      out[channels + c] = sums[static_cast<std::size_t>(c)];
    }
    return {x_gradient,   trained[0],   trained[1],   shortcut_gradient,
            at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor fused_batch_norm(const at::Tensor& x, const BatchNormTensors& norm, bool live,
                            const at::Tensor& shortcut, bool relu, double epsilon) {
  const at::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  const Maybe added =
      shortcut.defined() ? Maybe(shortcut.contiguous(at::MemoryFormat::ChannelsLast)) : Maybe();
  if (at::GradMode::is_enabled())
    return BatchNormFunction::apply(input, norm.weight, norm.bias, added, norm, live, relu,
                                    epsilon);
  const Pixels pixels(input);
  write_result(pixels, input, scaling_of(pixels, input, norm, live, epsilon), norm.bias, added,
               relu, input);
  return input;
}

}  // namespace stockpot
