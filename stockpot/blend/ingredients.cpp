#include "stockpot/blend/ingredients.h"

#include <algorithm>
#include <cassert>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/blend/blend_kernels.h"

namespace stockpot {
namespace {

constexpr std::int64_t kTile = 2048;      // elements in the cache at a time
constexpr std::int64_t kSum = 8 * kTile;  // elements of one partial sum: never changes
// What a thread works on before it lets go of the pages: so many elements of so many models. The
// kernel maps a megabyte and more around what is touched, in every file.
constexpr std::int64_t kStretch = 16 * kSum;
constexpr std::size_t kAtOnce = 8;
constexpr std::size_t kSmallMargin = 1 << 16;

// The models' values of a tile: in place when all have one type that the kernels read, else as
// doubles in a buffer.
class TileStreams {
 public:
  explicit TileStreams(std::span<const TensorView* const> models)
      : models_(models), streams_{{}, Dtype::f64}, starts_(models.size()) {
    const Dtype dtype = models.front()->dtype;
    const bool known = dtype == Dtype::f32 || dtype == Dtype::bf16 || dtype == Dtype::f16;
    const bool same =
        std::ranges::all_of(models, [&](const TensorView* model) { return model->dtype == dtype; });
    if (known && same)
      streams_.dtype = dtype;
    else
      buffer_.resize(models.size() * static_cast<std::size_t>(kTile));
  }

  const blend_kernels::Streams& at(std::int64_t first, std::int64_t count) {
    for (std::size_t m = 0; m < starts_.size(); ++m) {
      const TensorView& model = *models_[m];
      if (buffer_.empty()) {
        starts_[m] = model.bytes.data() + byte_count(model.dtype, first);
        continue;
      }
      const std::span values(buffer_.data() + m * static_cast<std::size_t>(kTile),
                             static_cast<std::size_t>(count));
      read_values(model, first, values);
      starts_[m] = reinterpret_cast<const std::byte*>(values.data());
    }
    streams_.models = starts_;
    return streams_;
  }

 private:
  std::span<const TensorView* const> models_;
  blend_kernels::Streams streams_;
  std::vector<const std::byte*> starts_;
  std::vector<double> buffer_;
};

// Calls visit(i, place) for the elements first .. first + count - 1 of the files' order, where
// place is the index in memory.
template <typename Visit>
void for_places(const BlendTensor& tensor, std::int64_t first, std::int64_t count,
                const Visit& visit) {
  const std::int64_t plane = tensor.channels * tensor.pixels;
  std::int64_t outer = first / plane, channel = first % plane / tensor.pixels;
  std::int64_t pixel = first % tensor.pixels;
  for (std::int64_t i = 0; i < count; ++i) {
    visit(i, outer * plane + pixel * tensor.channels + channel);
    if (++pixel < tensor.pixels) continue;
    pixel = 0;
    if (++channel < tensor.channels) continue;
    channel = 0;
    ++outer;
  }
}

// Lets go of a stretch that was read. The kernel maps neighbours of what is touched, of which some
// stay when another thread is just there: what lies so far behind that nobody is there any more is
// let go of again, and the whole tensor at its end.
void let_go(const TensorView& model, std::int64_t first, std::int64_t count) {
  const bool ends = first + count == element_count(model.shape);
  if (ends) return release_pages(model.bytes, kNeighbours);
  release_pages(part_of(model, first, count), first == 0 ? kNeighbours : kSmallMargin);
  const std::int64_t behind = first - 2 * std::max(threads(), 1) * kStretch;
  if (behind >= 0) release_pages(part_of(model, behind, kStretch), kSmallMargin);
}

bool in_order(const BlendTensor& tensor) { return tensor.channels == 1 || tensor.pixels == 1; }

}  // namespace

Ingredients::Ingredients(std::vector<BlendTensor> tensors, std::size_t groups, std::uint64_t mapped)
    : tensors_(std::move(tensors)), groups_(groups) {
  assert(!tensors_.empty());
  models_ = tensors_.front().models.size();
  cut(mapped);
}

void Ingredients::cut(std::uint64_t mapped) {
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    assert(tensors_[t].models.size() == models_ && tensors_[t].group < groups_);
    const std::int64_t elements = tensors_[t].elements();
    for (std::int64_t first = 0; first < elements; first += kStretch) {
      const std::int64_t count = std::min(kStretch, elements - first);
      std::uint64_t bytes = 0;
      for (const TensorView* model : tensors_[t].models) bytes += byte_count(model->dtype, count);
      const bool stays = bytes <= mapped;
      mapped = stays ? mapped - bytes : 0;
      tasks_.push_back({t, first, count, sums_, stays});
      sums_ += static_cast<std::size_t>((count + kSum - 1) / kSum);
    }
  }
}

std::int64_t Ingredients::elements() const {
  std::int64_t sum = 0;
  for (const BlendTensor& tensor : tensors_) sum += tensor.elements();
  return sum;
}

std::uint64_t Ingredients::bytes() const {
  std::uint64_t sum = 0;
  for (const BlendTensor& tensor : tensors_)
    for (const TensorView* model : tensor.models) sum += model->bytes.size();
  return sum;
}

std::vector<std::int64_t> Ingredients::sizes() const {
  std::vector<std::int64_t> sizes(groups_);
  for (const BlendTensor& tensor : tensors_) sizes[tensor.group] += tensor.elements();
  return sizes;
}

// Calls visit(first model, streams, first, count) for the tiles of a task, some models at a time,
// and lets go of their pages.
template <typename Visit>
void Ingredients::for_tiles(const Task& task, const Visit& visit) const {
  const std::span<const TensorView* const> all = tensors_[task.tensor].models;
  for (std::size_t m = 0; m < models_; m += kAtOnce) {
    const auto models = all.subspan(m, std::min(kAtOnce, models_ - m));
    TileStreams streams(models);
    for (std::int64_t done = 0; done < task.count; done += kTile) {
      const std::int64_t count = std::min(kTile, task.count - done);
      visit(m, streams.at(task.first + done, count), done, count);
    }
    if (!task.stays)
      for (const TensorView* model : models) let_go(*model, task.first, task.count);
  }
}

void Ingredients::mix(std::span<const double> coefficients, std::span<float* const> values) const {
  assert(coefficients.size() == groups_ * models_ && values.size() == tensors_.size());
  parallel_for(static_cast<std::int64_t>(tasks_.size()), 1, [&](std::int64_t begin, std::int64_t) {
    const Task& task = tasks_[static_cast<std::size_t>(begin)];
    const BlendTensor& tensor = tensors_[task.tensor];
    const std::span weights = coefficients.subspan(tensor.group * models_, models_);
    std::vector<double> sum(static_cast<std::size_t>(task.count));
    for_tiles(task, [&](std::size_t model, const blend_kernels::Streams& streams,
                        std::int64_t first, std::int64_t count) {
      blend_kernels::add_mix(
          streams, weights.subspan(model, streams.models.size()),
          std::span(sum).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    });
    float* const out = values[task.tensor];
    if (in_order(tensor))
      blend_kernels::round(sum, {out + task.first, sum.size()});
    else
      for_places(tensor, task.first, task.count, [&](std::int64_t i, std::int64_t place) {
        out[place] = static_cast<float>(sum[static_cast<std::size_t>(i)]);
      });
  });
}

std::vector<double> Ingredients::products(std::span<const float* const> gradients) const {
  assert(gradients.size() == tensors_.size());
  std::vector<double> partial(sums_ * models_);
  parallel_for(static_cast<std::int64_t>(tasks_.size()), 1, [&](std::int64_t begin, std::int64_t) {
    const Task& task = tasks_[static_cast<std::size_t>(begin)];
    const BlendTensor& tensor = tensors_[task.tensor];
    const float* gradient = gradients[task.tensor];
    std::vector<float> ordered;
    if (in_order(tensor)) {
      gradient += task.first;
    } else {
      ordered.resize(static_cast<std::size_t>(task.count));
      for_places(tensor, task.first, task.count, [&](std::int64_t i, std::int64_t place) {
        ordered[static_cast<std::size_t>(i)] = gradient[place];
      });
      gradient = ordered.data();
    }
    for_tiles(task, [&](std::size_t model, const blend_kernels::Streams& streams,
                        std::int64_t first, std::int64_t count) {
      const std::size_t sum = task.sums + static_cast<std::size_t>(first / kSum);
      blend_kernels::add_products(
          streams, {gradient + first, static_cast<std::size_t>(count)},
          std::span(partial).subspan(sum * models_ + model, streams.models.size()));
    });
  });
  // In the order of the elements, whoever worked on them.
  std::vector<double> result(groups_ * models_);
  for (std::size_t task = 0; task < tasks_.size(); ++task) {
    const std::size_t end = task + 1 < tasks_.size() ? tasks_[task + 1].sums : sums_;
    const std::size_t row = tensors_[tasks_[task].tensor].group * models_;
    for (std::size_t sum = tasks_[task].sums; sum < end; ++sum)
      for (std::size_t m = 0; m < models_; ++m) result[row + m] += partial[sum * models_ + m];
  }
  return result;
}

}  // namespace stockpot
