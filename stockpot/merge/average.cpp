#include "stockpot/merge/average.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/merge/kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Values = std::span<double>;

std::span<const std::byte> bytes_from(const TensorView& tensor, std::int64_t first) {
  return tensor.bytes.subspan(byte_count(tensor.dtype, first));
}

bool all_of_type(const TensorJob& job, Dtype dtype) {
  return std::ranges::all_of(job.models,
                             [&](const TensorView* model) { return model->dtype == dtype; });
}

class Average : public MergeMethod {
 public:
  void fill(const TensorJob& job, std::int64_t first, Values out) const override {
    const bool uniform = std::ranges::all_of(
        job.weights, [&](double weight) { return weight == job.weights.front() && weight != 0; });
    if (!uniform) return weighted(job, first, out);
    const auto count = static_cast<double>(job.models.size());
    if (all_of_type(job, Dtype::f32) || all_of_type(job, Dtype::bf16) ||
        all_of_type(job, Dtype::f16)) {
      sum_streams(job, first, out);
      return merge_kernels::divide(out, count);
    }
    // fp64 among them: the sum does not fit 53 bits.
    TileBuffer low_buffer, buffer;
    const Values low(low_buffer.data(), out.size()), x(buffer.data(), out.size());
    std::ranges::fill(low, 0.0);
    read_values(*job.models.front(), first, out);
    for (std::size_t i = 1; i < job.models.size(); ++i) {
      read_values(*job.models[i], first, x);
      merge_kernels::add_exactly(out, low, x);
    }
    merge_kernels::divide_exactly(out, low, count);
  }

 private:
  static void sum_streams(const TensorJob& job, std::int64_t first, Values out) {
    std::vector<const std::byte*> streams;
    for (const TensorView* model : job.models) streams.push_back(bytes_from(*model, first).data());
    switch (job.models.front()->dtype) {
      case Dtype::f32:
        return merge_kernels::sum_f32(out, streams);
      case Dtype::bf16:
        return merge_kernels::sum_bf16(out, streams);
      default:
        return merge_kernels::sum_f16(out, streams);
    }
  }

  static void weighted(const TensorJob& job, std::int64_t first, Values out) {
    const double total = std::accumulate(job.weights.begin(), job.weights.end(), 0.0);
    if (total == 0)
      throw UsageError("the weights of tensor '" + job.name + "' sum to 0: a mean needs others");
    std::size_t start = 0;
    while (job.weights[start] == 0) ++start;
    TileBuffer origin_buffer, buffer;
    const Values origin(origin_buffer.data(), out.size()), x(buffer.data(), out.size());
    read_values(*job.models[start], first, origin);
    std::ranges::copy(origin, out.begin());
    for (std::size_t i = start + 1; i < job.models.size(); ++i) {
      if (job.weights[i] == 0) continue;
      read_values(*job.models[i], first, x);
      merge_kernels::add_difference(out, x, origin, job.weights[i] / total);
    }
  }
};

class Interpolation : public MergeMethod {
 public:
  void fill(const TensorJob& job, std::int64_t first, Values out) const override {
    assert(job.models.size() == 2);
    const std::size_t second = job.origin[0] == 1 ? 0 : 1;
    if (job.scale == 1) return read_values(*job.models[second], first, out);
    read_values(*job.models[1 - second], first, out);
    if (job.scale == 0) return;
    TileBuffer buffer;
    const Values other(buffer.data(), out.size());
    read_values(*job.models[second], first, other);
    merge_kernels::mix(out, other, job.scale);
  }
};

}  // namespace

std::unique_ptr<MergeMethod> average_method() { return std::make_unique<Average>(); }

std::unique_ptr<MergeMethod> interpolation_method() { return std::make_unique<Interpolation>(); }

}  // namespace stockpot
