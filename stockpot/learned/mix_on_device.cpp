#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "stockpot/learned/mix_memory.h"
#include "stockpot/model/compat.h"

namespace stockpot {
namespace {

constexpr std::array<std::pair<Keep, std::string_view>, 3> kNames = {
    {{Keep::files, "files"}, {Keep::bf16, "bf16"}, {Keep::int8, "int8"}}};

// Columns of one matrix. Those of int8 share a scale by model.
constexpr std::int64_t kColumns = 1 << 26, kInt8Columns = 1 << 20;
constexpr double kLargestInt8 = 127;

// x as the sum of three bf16 matrices, which together have the 24 bits of float32.
at::Tensor in_three(const at::Tensor& x, std::int64_t along) {
  std::vector<at::Tensor> parts;
  at::Tensor rest = x;
  for (int i = 0; i < 3; ++i) {
    parts.push_back(rest.to(at::kBFloat16));
    rest = rest - parts.back().to(at::kFloat);
  }
  return at::stack(parts, along);
}

// A stretch of a tensor in all models.
struct Piece {
  std::size_t row;
  at::Tensor value, gradient;  // of the slot
  at::Tensor base;             // the mean of the models, float32
  at::Tensor differences;      // models x columns, bf16 or int8
  at::Tensor scales;           // int8: one a model, float32
};

class MixOnDevice : public MixMemory {
 public:
  MixOnDevice(const MixedTensors& mixed, const Ingredients& ingredients, Keep keep)
      : models_(static_cast<std::int64_t>(ingredients.models())),
        rows_(static_cast<std::int64_t>(ingredients.groups())),
        device_(mixed.slots.front().value.device()) {
    const c10::NoGradGuard no_grad;
    take_mean(ingredients, mixed);
    for (std::size_t i = 0; i < mixed.slots.size(); ++i)
      add(ingredients.tensors()[i], mixed.slots[i], keep);
  }

  void mix(std::span<const double> alpha) override {
    const c10::NoGradGuard no_grad;
    const at::Tensor all = at::from_blob(const_cast<double*>(alpha.data()), {rows_, models_},
                                         at::TensorOptions(at::kDouble));
    const at::Tensor weights = all.to(device_, at::kFloat), parts = in_three(weights, 1);
    const at::Tensor host_sums = all.sum(1);
    const double* const sums = host_sums.data_ptr<double>();
    for (const Piece& piece : pieces_) {
      const auto row = static_cast<std::int64_t>(piece.row);
      const at::Tensor part = piece.scales.defined()
                                  ? in_three(scaled(weights.select(0, row), piece), 0)
                                  : parts.select(0, row);  // 3 x models
      const at::Tensor moved = product_in_float(part, matrix(piece)).sum(0);
      at::Tensor value = piece.value;
      at::add_out(value, moved, piece.base, sums[row]);
    }
  }

  std::vector<double> products() override {
    const c10::NoGradGuard no_grad;
    const at::Tensor sums =
        at::zeros({rows_, models_}, at::TensorOptions(device_).dtype(at::kDouble));
    for (const Piece& piece : pieces_) {
      const at::Tensor part = in_three(piece.gradient, 1);  // columns x 3
      const at::Tensor moved = product_in_float(matrix(piece), part).sum(1);
      const at::Tensor base = (piece.gradient * piece.base).sum();
      sums.select(0, static_cast<std::int64_t>(piece.row)).add_(scaled(moved, piece) + base);
    }
    const at::Tensor host = sums.to(at::kCPU).contiguous();
    const double* first = host.data_ptr<double>();
    return {first, first + host.numel()};
  }

 private:
  static at::Tensor scaled(const at::Tensor& by_model, const Piece& piece) {
    return piece.scales.defined() ? by_model * piece.scales : by_model;
  }
  // Small integers are themselves in bf16.
  static at::Tensor matrix(const Piece& piece) {
    return piece.scales.defined() ? piece.differences.to(at::kBFloat16) : piece.differences;
  }

  // The mean of all models, through the slots.
  void take_mean(const Ingredients& ingredients, const MixedTensors& mixed) {
    const std::vector<double> uniform(static_cast<std::size_t>(rows_ * models_),
                                      1 / static_cast<double>(models_));
    mix_from_files(mixed, ingredients)->mix(uniform);
  }

  void add(const BlendTensor& tensor, const Slot& slot, Keep keep) {
    const std::int64_t elements = tensor.elements();
    const at::Tensor base = slot.value.clone();
    const auto on_device = at::TensorOptions(device_);
    const std::int64_t columns = keep == Keep::int8 ? kInt8Columns : kColumns;
    std::vector<Piece> pieces;
    for (std::int64_t first = 0; first < elements; first += columns) {
      const std::int64_t count = std::min(columns, elements - first);
      const auto type = keep == Keep::int8 ? at::kChar : at::kBFloat16;
      pieces.push_back(
          {tensor.group, slot.value.narrow(0, first, count), slot.gradient.narrow(0, first, count),
           base.narrow(0, first, count), at::empty({models_, count}, on_device.dtype(type)),
           keep == Keep::int8 ? at::empty({models_}, on_device.dtype(at::kFloat)) : at::Tensor()});
    }
    // One model after the other: its tensor in the order of the memory, then the differences.
    const at::Tensor host = at::empty({elements}, at::kFloat);
    for (std::int64_t model = 0; model < models_; ++model) {
      read_in_memory_order(tensor, static_cast<std::size_t>(model), host);
      const at::Tensor differences = host.to(device_) - base;
      for (std::size_t i = 0; i < pieces.size(); ++i)
        put(pieces[i], model,
            differences.narrow(0, static_cast<std::int64_t>(i) * columns, pieces[i].value.numel()));
    }
    pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  }

  static void read_in_memory_order(const BlendTensor& tensor, std::size_t model,
                                   const at::Tensor& host) {
    BlendTensor one = tensor;
    one.models = {tensor.models[model]};
    one.group = 0;
    const Ingredients alone({one}, 1);
    float* const values = host.data_ptr<float>();
    const double weight = 1;
    alone.mix({&weight, 1}, {&values, 1});
  }

  static void put(const Piece& piece, std::int64_t model, const at::Tensor& differences) {
    const at::Tensor target = piece.differences.select(0, model);
    if (!piece.scales.defined()) {
      target.copy_(differences);
      return;
    }
    const double largest = differences.abs().max().item().toDouble();
    const double scale = largest > 0 ? largest / kLargestInt8 : 1;
    piece.scales.select(0, model).fill_(scale);
    target.copy_((differences / scale).round());
  }

  std::int64_t models_, rows_;
  at::Device device_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::string_view name_of(Keep keep) {
  return std::ranges::find(kNames, keep, &std::pair<Keep, std::string_view>::first)->second;
}

std::optional<Keep> keep_from(std::string_view name) {
  for (const auto& [keep, known] : kNames)
    if (known == name) return keep;
  return std::nullopt;
}

std::unique_ptr<MixMemory> mix_on_device(const MixedTensors& mixed, const Ingredients& ingredients,
                                         Keep keep) {
  return std::make_unique<MixOnDevice>(mixed, ingredients, keep);
}

std::uint64_t bytes_kept(const Ingredients& ingredients, Keep keep) {
  const auto elements = static_cast<std::uint64_t>(ingredients.elements());
  const std::uint64_t width = keep == Keep::bf16 ? 2 : keep == Keep::int8 ? 1 : 0;
  // And the mean of the models, in float32.
  return width == 0 ? 0 : elements * (width * ingredients.models() + 4);
}

Keep choose_keep(const Ingredients& ingredients, at::Device device, std::uint64_t reserve) {
  if (device.is_cpu()) return Keep::files;
  for (const Keep keep : {Keep::bf16, Keep::int8}) {
    try {
      at::empty({static_cast<std::int64_t>(bytes_kept(ingredients, keep) + reserve)},
                at::TensorOptions(device).dtype(at::kByte));
      return keep;
    } catch (const c10::Error&) {
      // Does not fit.
    }
  }
  return Keep::files;
}

}  // namespace stockpot
