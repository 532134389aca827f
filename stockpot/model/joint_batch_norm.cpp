#include "stockpot/model/joint_batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "stockpot/model/custom_function.h"
#include "stockpot/model/network.h"

namespace stockpot {
namespace {

constexpr std::int64_t kPixels[] = {0, 2, 3};  // all dimensions but that of the channels

at::Tensor by_channel(const at::Tensor& values) { return values.view({1, -1, 1, 1}); }

// Of all ranks' rows: the number of pixels, and by channel the mean and the variance, in float64.
struct Moments {
  double count;
  at::Tensor mean, variance;
};

// A rank's sums of squares are taken about zero only after they were added up about its own mean,
// and in float64.
Moments joint_moments(const at::Tensor& x, const JointBatch& batch) {
  const std::int64_t channels = x.size(1);
  const double rows = batch.absent ? 0 : static_cast<double>(x.numel() / channels);
  const at::Tensor mean = x.mean(kPixels);
  const at::Tensor squares = (x - by_channel(mean)).square_().sum(kPixels).to(at::kDouble);
  const at::Tensor center = mean.to(at::kDouble);
  at::Tensor sums = at::cat(
      {center * rows, squares + center * center * rows, at::full({1}, rows, center.options())});
  if (batch.absent) sums.zero_();
  batch.sum(sums);
  const double count = sums[2 * channels].item<double>();
  const at::Tensor all = sums.narrow(0, 0, channels) / count;
  return {count, all, (sums.narrow(0, channels, channels) / count - all * all).clamp_min(0)};
}

void follow(const BatchNormTensors& norm, const Moments& moments) {
  const double unbiased = moments.count / std::max(1.0, moments.count - 1);
  const auto move = [](const at::Tensor& running, const at::Tensor& value) {
    running.mul_(1 - kBatchNormMomentum).add_(value.to(running.scalar_type()), kBatchNormMomentum);
  };
  move(norm.running_mean, moments.mean);
  move(norm.running_variance, moments.variance * unbiased);
}

struct Held : torch::CustomClassHolder {
  explicit Held(std::shared_ptr<JointBatch> held) : batch(std::move(held)) {}
  std::shared_ptr<JointBatch> batch;
};

struct JointBatchNorm : torch::autograd::Function<JointBatchNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const BatchNormTensors& norm, const std::shared_ptr<JointBatch>& batch,
                            double epsilon) {
    const at::Tensor x = input.to(at::kFloat);
    const Moments moments = joint_moments(x, *batch);
    follow(norm, moments);
    const at::Tensor mean = moments.mean.to(at::kFloat);
    const at::Tensor inverse = (moments.variance + epsilon).rsqrt().to(at::kFloat);
    context->save_for_backward({x, weight, mean, inverse});
    context->saved_data["count"] = moments.count;
    context->saved_data["batch"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(batch));
    return ((x - by_channel(mean)) * by_channel(inverse * weight))
        .add_(by_channel(bias))
        .to(input.scalar_type());
  }

  // dx = scale * (g - mean(g) - z mean(g z)) for z = (x - mean) * inverse, the means over all
  // ranks' rows.
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3];
    const auto held =
        c10::static_intrusive_pointer_cast<Held>(context->saved_data["batch"].toCapsule());
    const JointBatch& batch = *held->batch;
    const double count = context->saved_data["count"].toDouble();
    const std::int64_t channels = x.size(1);
    const at::Tensor g = gradients[0].to(at::kFloat);
    const at::Tensor z = (x - by_channel(mean)) * by_channel(inverse);
    const at::Tensor own = at::cat({g.sum(kPixels), (g * z).sum(kPixels)});
    at::Tensor sums = own.to(at::kDouble);
    if (batch.absent) sums.zero_();
    batch.sum(sums);
    const at::Tensor means = (sums / count).to(at::kFloat);
    at::Tensor x_gradient;
    if (batch.absent)
      x_gradient = at::zeros_like(x);
    else
      x_gradient = (g - by_channel(means.narrow(0, 0, channels)) -
                    z * by_channel(means.narrow(0, channels, channels))) *
                   by_channel(inverse * weight);
    return {x_gradient.to(gradients[0].scalar_type()),
            own.narrow(0, channels, channels),
            own.narrow(0, 0, channels),
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor joint_batch_norm(const at::Tensor& x, const BatchNormTensors& norm,
                            const std::shared_ptr<JointBatch>& batch, double epsilon) {
  return JointBatchNorm::apply(x, norm.weight, norm.bias, norm, batch, epsilon);
}

}  // namespace stockpot
