#include "stockpot/learned/slots.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <map>
#include <stdexcept>

#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/merge/statistics.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

constexpr double kEpsilon = 1e-5;  // of BatchNorm, as model/layers.h has it

class Builder {
 public:
  Builder(const MergePlan& plan, const Classifier& model) : plan_(plan), model_(model) {
    for (const Parameter& parameter : model.parameters()) {
      const auto part = [&](const at::Tensor& flat) {
        return flat.narrow(0, parameter.offset, parameter.value.numel());
      };
      slots_[parameter.name] = {part(model.flat_values()), part(model.flat_gradients())};
    }
    for (const auto& [name, buffer] : model.buffers())
      if (buffer.is_floating_point())
        slots_[name] = {buffer.view({-1}), at::zeros_like(buffer).view({-1})};
  }

  MixedTensors build(Rows rows) {
    std::vector<std::string> names;
    for (const PlannedTensor& tensor : plan_.tensors) {
      const auto slot = slots_.find(tensor.output.name);
      if (slot == slots_.end()) continue;  // counters
      if (tensor.kind != PlannedTensor::Kind::merged) {
        fill(tensor, slot->second.value);
        continue;
      }
      names.push_back(tensor.output.name);
      result_.tensors.push_back(blend_tensor(tensor.job));
      result_.slots.push_back(slot->second);
    }
    result_.rows = rows_of(names, rows);
    for (std::size_t i = 0; i < names.size(); ++i) {
      result_.tensors[i].group = result_.rows.row[i];
      if (is_running_mean(names[i])) add_norm(names[i]);
    }
    return std::move(result_);
  }

 private:
  // In the caller's order of the models.
  BlendTensor blend_tensor(const TensorJob& job) const {
    BlendTensor tensor;
    tensor.name = job.name;
    tensor.models.resize(job.models.size());
    for (std::size_t i = 0; i < job.models.size(); ++i)
      tensor.models[job.origin[i]] = job.models[i];
    if (const Shape& shape = job.models.front()->shape; shape.size() == 4) {
      // Kernels lie channels last (model/parameters.h).
      tensor.channels = shape[1];
      tensor.pixels = shape[2] * shape[3];
    }
    return tensor;
  }

  void fill(const PlannedTensor& tensor, const at::Tensor& value) const {
    std::vector<double> values(static_cast<std::size_t>(element_count(tensor.output.shape)));
    for (std::size_t first = 0; first < values.size(); first += kTileElements) {
      const std::size_t count =
          std::min(static_cast<std::size_t>(kTileElements), values.size() - first);
      const std::span part = std::span(values).subspan(first, count);
      if (tensor.kind == PlannedTensor::Kind::total_variance)
        total_variance(tensor.sources, plan_.models.size(), plan_.shares,
                       static_cast<std::int64_t>(first), part);
      else
        read_values(*tensor.sources.front(), static_cast<std::int64_t>(first), part);
    }
    value.copy_(at::from_blob(values.data(), {value.numel()}, at::TensorOptions(at::kDouble)));
  }

  void add_norm(const std::string& mean) {
    const std::string layer = mean.substr(0, mean.size() - std::string_view("running_mean").size());
    const Slot &weight = slots_.at(layer + "weight"), &bias = slots_.at(layer + "bias");
    const Slot& variance = slots_.at(layer + "running_var");
    result_.norms.push_back({weight.value, variance.value, weight.gradient, bias.gradient,
                             slots_.at(mean).gradient, variance.gradient});
  }

  const MergePlan& plan_;
  const Classifier& model_;
  std::map<std::string, Slot> slots_;
  MixedTensors result_;
};

}  // namespace

void MixedTensors::update_statistics() const {
  const c10::NoGradGuard no_grad;
  for (const FrozenNorm& norm : norms) {
    const at::Tensor spread = norm.variance + kEpsilon;
    norm.mean_target.copy_(-norm.weight * spread.rsqrt() * norm.bias_gradient);
    norm.variance_target.copy_(norm.weight * norm.weight_gradient / (spread * -2));
  }
}

MixedTensors mixed_tensors(const MergePlan& plan, const Classifier& model, Rows rows) {
  const c10::NoGradGuard no_grad;
  return Builder(plan, model).build(rows);
}

}  // namespace stockpot
