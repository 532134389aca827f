#include "stockpot/model/side_network.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "stockpot/base/random.h"

namespace stockpot {
namespace {

bool is_norm_scale(const TensorSpec& spec) {
  return spec.role == Role::scalar && spec.shape.size() == 1 && spec.name.ends_with(".weight");
}

double deviation_of(const TensorSpec& spec) {
  const bool patches = spec.name.find("patch_embeddings") != std::string::npos;
  if (spec.shape.size() == 4 && !patches)
    return std::sqrt(2.0 / static_cast<double>(spec.shape[0] * spec.shape[2] * spec.shape[3]));
  return 0.02;
}

void fill_normal(const at::Tensor& target, double deviation, RandomStream& random) {
  const at::Tensor values = at::empty(target.sizes(), at::TensorOptions(at::kFloat));
  float* first = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i)
    first[i] = static_cast<float>(deviation * random.normal());
  target.copy_(values);
}

}  // namespace

Network with_side_network(const Network& base) {
  Network both = base;
  for (TensorSpec& spec : both.tensors) spec.frozen = true;
  for (const TensorSpec& spec : base.tensors) {
    TensorSpec side = spec;
    side.name = kSidePrefix + spec.name;
    if (!side.fused.empty()) side.fused = kSidePrefix + spec.fused;
    both.tensors.push_back(std::move(side));
  }
  both.features = [features = base.features](const TensorTable& table, const at::Tensor& images,
                                             const Mode& mode) {
    at::Tensor frozen;
    {
      const c10::NoGradGuard no_grad;
      Mode evaluation;
      evaluation.layers = mode.layers;
      frozen = features(table, images, evaluation);
    }
    Mode side = mode;
    side.layers = nullptr;
    return frozen + features(table.part(kSidePrefix), images, side);
  };
  return both;
}

void randomise_side_network(TensorTable& table, std::uint64_t seed) {
  const c10::NoGradGuard no_grad;
  RandomStream random(seed, Purpose::head_init, 1);
  for (const TensorSpec& spec : table.specs()) {
    if (!spec.name.starts_with(kSidePrefix)) continue;
    const at::Tensor& tensor = table[spec.name];
    const bool one_dimensional = spec.shape.size() < 2;
    if (spec.role == Role::running)
      tensor.fill_(spec.name.ends_with("running_var") ? 1 : 0);
    else if (spec.role == Role::counter || (one_dimensional && !is_norm_scale(spec)))
      tensor.zero_();
    else if (is_norm_scale(spec))
      tensor.fill_(1);
    else
      fill_normal(tensor, deviation_of(spec), random);
  }
}

}  // namespace stockpot
