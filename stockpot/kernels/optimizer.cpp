#include "stockpot/kernels/optimizer.h"

#include <cmath>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/math.h"

namespace stockpot {
namespace {

struct AdamFactors {
  float keep, beta1, new1, beta2, new2, inverse_root, epsilon, rate, scale;
};

STOCKPOT_PER_ISA
void adam_update(std::size_t n, const AdamFactors& f, float* w, const float* gradient, float* mean,
                 float* square) {
  const AdamFactors a = f;
  STOCKPOT_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gradient[i] * a.scale;
    const float m = mean[i] * a.beta1 + g * a.new1;
    const float v = square[i] * a.beta2 + g * g * a.new2;
    mean[i] = m;
    square[i] = v;
    w[i] = w[i] * a.keep - a.rate * (m / (std::sqrt(v) * a.inverse_root + a.epsilon));
  }
}

STOCKPOT_PER_ISA
void sgd_update(std::size_t n, float rate, float momentum, float decay, float scale, float* w,
                const float* gradient, float* buffer) {
  STOCKPOT_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    const float b = buffer[i] * momentum + (gradient[i] * scale + decay * w[i]);
    buffer[i] = b;
    w[i] -= rate * b;
  }
}

constexpr int kSums = 8;

STOCKPOT_PER_ISA
void add_squares(std::size_t n, const float* x, double* sums) {
  double lane[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums <= n; i += kSums)
    for (int l = 0; l < kSums; ++l) {
      const double value = x[i + l];
      lane[l] += value * value;
    }
  for (int l = 0; i + l < n; ++l) {
    const double value = x[i + l];
    lane[l] += value * value;
  }
  for (int l = 0; l < kSums; ++l) sums[l] = lane[l];
}

}  // namespace

void AdamW::update(std::span<float> values, std::span<const float> gradients, std::span<float> mean,
                   std::span<float> square) const {
  const double t = static_cast<double>(step);
  const double correction1 = 1 - std::pow(beta1, t), correction2 = 1 - std::pow(beta2, t);
  const AdamFactors factors{
      .keep = static_cast<float>(1 - learning_rate * weight_decay),
      .beta1 = static_cast<float>(beta1),
      .new1 = static_cast<float>(1 - beta1),
      .beta2 = static_cast<float>(beta2),
      .new2 = static_cast<float>(1 - beta2),
      .inverse_root = static_cast<float>(1 / std::sqrt(correction2)),
      .epsilon = static_cast<float>(epsilon),
      .rate = static_cast<float>(learning_rate / correction1),
      .scale = static_cast<float>(gradient_scale),
  };
  adam_update(values.size(), factors, values.data(), gradients.data(), mean.data(), square.data());
}

void MomentumSgd::update(std::span<float> values, std::span<const float> gradients,
                         std::span<float> buffer) const {
  sgd_update(values.size(), static_cast<float>(learning_rate), static_cast<float>(momentum),
             static_cast<float>(weight_decay), static_cast<float>(gradient_scale), values.data(),
             gradients.data(), buffer.data());
}

double sum_of_squares(std::span<const float> values) {
  double sums[kSums], total = 0;
  add_squares(values.size(), values.data(), sums);
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace stockpot
