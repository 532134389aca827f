#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "stockpot/learned/mix_memory.h"
#include "stockpot/model/compat.h"

namespace stockpot {
namespace {

constexpr std::array<std::pair<Keep, std::string_view>, 3> kNames = {
    {{Keep::files, "files"}, {Keep::bf16, "bf16"}, {Keep::int8, "int8"}}};

// Tensors that lie together are cut into blocks of so many numbers, the last one filled up with
// zeros. A block is one small matrix product, so that the whole device is busy whatever the shapes;
// those of int8 have a scale by model.
constexpr std::int64_t kBlock = 1024;
constexpr std::int64_t kTogether = 8192;  // blocks of one call
constexpr double kLargestInt8 = 127;

// Rows x as sums of three bf16 rows each, which together have the 24 bits of float32:
// n x m becomes n x 3 x m.
at::Tensor in_three(const at::Tensor& x) {
  const at::Tensor parts = at::empty({x.size(0), 3, x.size(1)}, x.options().dtype(at::kBFloat16));
  at::Tensor rest = x;
  for (int i = 0; i < 3; ++i) {
    const at::Tensor part = parts.select(1, i);
    part.copy_(rest);
    if (i < 2) rest = rest - part;
  }
  return parts;
}

std::int64_t blocks_of(std::int64_t elements) { return (elements + kBlock - 1) / kBlock; }

// Whether the memory of the second view begins where that of the first ends.
bool follows(const at::Tensor& first, const at::Tensor& second) {
  return first.is_alias_of(second) &&
         first.storage_offset() + first.numel() == second.storage_offset();
}

at::Tensor with_next(const at::Tensor& first, const at::Tensor& second) {
  return first.as_strided({first.numel() + second.numel()}, {1});
}

class MixOnDevice : public MixMemory {
 public:
  MixOnDevice(const MixedTensors& mixed, const Ingredients& ingredients, Keep keep)
      : models_(static_cast<std::int64_t>(ingredients.models())),
        rows_(static_cast<std::int64_t>(ingredients.groups())),
        device_(mixed.slots.front().value.device()) {
    const c10::NoGradGuard no_grad;
    // The mean of all models, through the slots.
    const std::vector<double> uniform(static_cast<std::size_t>(rows_ * models_),
                                      1 / static_cast<double>(models_));
    mix_from_files(mixed, ingredients)->mix(uniform);
    take_room(mixed, ingredients, keep);
    read(ingredients);
  }

  void mix(std::span<const double> alpha) override {
    const c10::NoGradGuard no_grad;
    const at::Tensor all = at::from_blob(const_cast<double*>(alpha.data()), {rows_, models_},
                                         at::TensorOptions(at::kDouble));
    const auto by_block = [&](const at::Tensor& by_row) {
      return by_row.to(device_, at::kFloat).index_select(0, row_);
    };
    at::Tensor weights = by_block(all);
    if (scales_.defined()) weights.mul_(scales_);
    const at::Tensor parts = in_three(weights), sums = by_block(all.sum(1, /*keepdim=*/true));
    for (const Stretch& some : stretches()) {
      const at::Tensor moved = batched_product_in_float(some.of(parts), matrices(some)).sum(1);
      at::Tensor flat = some.of(flat_);
      at::addcmul_out(flat, moved, some.of(base_), some.of(sums));
    }
    for (const Run& run : runs_) run.all.value.copy_(flat_of(run));
  }

  std::vector<double> products() override {
    const c10::NoGradGuard no_grad;
    for (const Run& run : runs_) flat_of(run).copy_(run.all.gradient);
    const at::Tensor by_block =
        at::empty({row_.size(0), models_}, at::TensorOptions(device_).dtype(at::kDouble));
    for (const Stretch& some : stretches()) {
      const at::Tensor gradient = some.of(flat_);
      const at::Tensor moved =
          batched_product_in_float(in_three(gradient), matrices(some).transpose(1, 2)).sum(1);
      const at::Tensor base = (gradient * some.of(base_)).sum(1, /*keepdim=*/true);
      some.of(by_block).copy_(base + (scales_.defined() ? moved * some.of(scales_) : moved));
    }
    // The blocks of a row of coefficients lie together.
    const at::Tensor sums = at::zeros({rows_, models_}, by_block.options());
    std::int64_t first = 0;
    for (const auto& [row, blocks] : blocks_of_row_) {
      sums.select(0, row).copy_(by_block.narrow(0, first, blocks).sum(0));
      first += blocks;
    }
    const at::Tensor host = sums.to(at::kCPU);
    const double* numbers = host.data_ptr<double>();
    return {numbers, numbers + host.numel()};
  }

 private:
  // Tensors of one row of coefficients that follow one another in the model's memory.
  struct Run {
    std::int64_t row;  // of coefficients
    Slot all;
    std::vector<std::size_t> tensors;
    std::int64_t first_block = 0;
  };
  // Blocks that are worked on together.
  struct Stretch {
    std::int64_t first, count;
    at::Tensor of(const at::Tensor& all) const { return all.narrow(0, first, count); }
  };

  std::vector<Stretch> stretches() const {
    std::vector<Stretch> result;
    for (std::int64_t first = 0; first < row_.size(0); first += kTogether)
      result.push_back({first, std::min(kTogether, row_.size(0) - first)});
    return result;
  }

  // blocks x models x numbers. Small integers are themselves in bf16.
  at::Tensor matrices(const Stretch& some) const { return some.of(differences_).to(at::kBFloat16); }
  at::Tensor flat_of(const Run& run) const {
    return flat_.view({-1}).narrow(0, run.first_block * kBlock, run.all.value.numel());
  }

  // In the order of the memory, by row.
  void find_runs(const MixedTensors& mixed, const Ingredients& ingredients) {
    std::vector<std::size_t> order(mixed.slots.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto row_of = [&](std::size_t i) {
      return static_cast<std::int64_t>(ingredients.tensors()[i].group);
    };
    std::ranges::sort(order, {}, [&](std::size_t i) {
      return std::pair(row_of(i), mixed.slots[i].value.data_ptr<float>());
    });
    for (const std::size_t i : order) {
      const Slot& slot = mixed.slots[i];
      if (runs_.empty() || runs_.back().row != row_of(i) ||
          !follows(runs_.back().all.value, slot.value) ||
          !follows(runs_.back().all.gradient, slot.gradient)) {
        runs_.push_back({row_of(i), slot, {i}});
        continue;
      }
      Slot& all = runs_.back().all;
      all = {with_next(all.value, slot.value), with_next(all.gradient, slot.gradient)};
      runs_.back().tensors.push_back(i);
    }
  }

  void take_room(const MixedTensors& mixed, const Ingredients& ingredients, Keep keep) {
    find_runs(mixed, ingredients);
    std::vector<std::int64_t> row_of_block;
    for (Run& run : runs_) {
      run.first_block = static_cast<std::int64_t>(row_of_block.size());
      const std::int64_t more = blocks_of(run.all.value.numel());
      if (blocks_of_row_.empty() || blocks_of_row_.back().first != run.row)
        blocks_of_row_.emplace_back(run.row, 0);
      blocks_of_row_.back().second += more;
      row_of_block.insert(row_of_block.end(), static_cast<std::size_t>(more), run.row);
    }
    const auto blocks = static_cast<std::int64_t>(row_of_block.size());
    const auto on_device = at::TensorOptions(device_).dtype(at::kFloat);
    row_ = at::from_blob(row_of_block.data(), {blocks}, at::TensorOptions(at::kLong)).to(device_);
    if (device_.is_cpu()) row_ = row_.clone();
    differences_ = at::zeros({blocks, models_, kBlock},
                             on_device.dtype(keep == Keep::int8 ? at::kChar : at::kBFloat16));
    if (keep == Keep::int8) scales_ = at::ones({blocks, models_}, on_device);
    flat_ = at::zeros({blocks, kBlock}, on_device);
    for (const Run& run : runs_) flat_of(run).copy_(run.all.value);
    base_ = flat_.clone();
  }

  // One model after the other, through its blocks in the memory of the host.
  void read(const Ingredients& ingredients) {
    const at::Tensor host = at::zeros({row_.size(0), kBlock}, at::kFloat);
    std::vector<float*> values;
    std::vector<const BlendTensor*> tensors;
    for (const Run& run : runs_) {
      float* next = host.data_ptr<float>() + run.first_block * kBlock;
      for (const std::size_t i : run.tensors) {
        tensors.push_back(&ingredients.tensors()[i]);
        values.push_back(next);
        next += tensors.back()->elements();
      }
    }
    for (std::int64_t model = 0; model < models_; ++model) {
      std::vector<BlendTensor> own;
      for (const BlendTensor* tensor : tensors) {
        own.push_back(*tensor);
        own.back().models = {tensor->models[static_cast<std::size_t>(model)]};
        own.back().group = 0;
      }
      const double weight = 1;
      Ingredients(std::move(own), 1).mix({&weight, 1}, values);
      for (const Stretch& some : stretches())
        put(some.of(host).to(device_) - some.of(base_), some.of(differences_).select(1, model),
            scales_.defined() ? some.of(scales_).select(1, model) : at::Tensor());
    }
  }

  static void put(const at::Tensor& differences, const at::Tensor& target,
                  const at::Tensor& scales) {
    if (!scales.defined()) {
      target.copy_(differences);
      return;
    }
    const at::Tensor largest = differences.abs().amax(1);
    scales.copy_(at::where(largest > 0, largest / kLargestInt8, at::ones_like(largest)));
    target.copy_((differences / scales.unsqueeze(1)).round());
  }

  std::int64_t models_, rows_;
  at::Device device_;
  std::vector<Run> runs_;  // by row of coefficients
  std::vector<std::pair<std::int64_t, std::int64_t>> blocks_of_row_;
  at::Tensor row_;          // of coefficients, by block
  at::Tensor base_, flat_;  // blocks x kBlock float32: the mean of the models; the mix or gradient
  at::Tensor differences_;  // blocks x models x kBlock, bf16 or int8
  at::Tensor scales_;       // int8: blocks x models, float32
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
  if (keep == Keep::files) return 0;
  std::uint64_t blocks = 0;  // at most: of tensors that do not lie together
  for (const BlendTensor& tensor : ingredients.tensors())
    blocks += static_cast<std::uint64_t>(blocks_of(tensor.elements()));
  const std::uint64_t by_model = keep == Keep::bf16 ? 2 * kBlock : kBlock + 4;
  // And, in float32, the mean of the models and their mix.
  return blocks * (by_model * ingredients.models() + 8 * kBlock);
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
