#include "stockpot/soup/mixer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/merge/integers.h"
#include "stockpot/merge/kernels.h"
#include "stockpot/merge/tiles.h"
#include "stockpot/soup/mix_kernels.h"

namespace stockpot {
namespace {

using Kind = PlannedTensor::Kind;

bool averaged(const PlannedTensor& tensor) {
  return (tensor.kind == Kind::merged || tensor.kind == Kind::total_variance) &&
         !tensor.output.tied_to;
}

}  // namespace

// The unit of work and of hashing: kHashBlock elements of a tensor.
struct SoupMixer::Block {
  std::size_t tensor;
  std::int64_t first, count;
};

MergePlan plan_soup(const std::vector<Checkpoint>& models, Container container) {
  MergeOptions options;
  options.batchnorm = BatchNormPolicy::average;
  options.container = container;
  return plan_merge(models, nullptr, false, options);
}

SoupMixer::SoupMixer(const MergePlan& plan, const Checkpoint* base) : plan_(plan) {
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const OutputTensor& output = plan.tensors[i].output;
    std::vector<const TensorView*>& views = views_.emplace_back();
    for (const Checkpoint* model : plan.models) views.push_back(&model->at(output.name));
    const bool sum = averaged(plan.tensors[i]);
    sums_.push_back(sum ? std::make_unique<ExactSum>(element_count(output.shape)) : nullptr);
    if (base != nullptr) {
      const TensorView* view = sum ? &base->at(output.name) : nullptr;
      if (view != nullptr && view->shape != output.shape)
        throw FormatError(base->path(), "tensor " + in_quotes(output.name) + " is " +
                                            to_string(view->shape) + ", the models have " +
                                            to_string(output.shape));
      base_.push_back(view);
    }
    if (output.tied_to) continue;
    const std::int64_t elements = element_count(output.shape);
    for (std::int64_t first = 0; first < elements; first += kHashBlock)
      blocks_.push_back({i, first, std::min(kHashBlock, elements - first)});
  }
}

SoupMixer::~SoupMixer() = default;

std::vector<OutputTensor> SoupMixer::tensors() const {
  std::vector<OutputTensor> list;
  for (const PlannedTensor& tensor : plan_.tensors) list.push_back(tensor.output);
  return list;
}

void SoupMixer::refuse(std::size_t tensor, std::size_t model, double value) const {
  const OutputTensor& output = plan_.tensors[tensor].output;
  if (model < plan_.models.size())
    throw FormatError(plan_.models[model]->path(),
                      "tensor " + in_quotes(output.name) + " holds values that are NaN or Inf");
  throw FormatError("tensor " + in_quotes(output.name) + ": a value of the soup, " +
                    significant(value, 3) + ", does not fit the type " +
                    std::string(row(output.dtype).safetensors));
}

void SoupMixer::read(std::size_t tensor, std::size_t model, std::int64_t first,
                     std::span<double> out) const {
  read_values(*views_[tensor][model], first, out);
  const double largest = merge_kernels::largest_magnitude(out);
  if (!std::isfinite(largest)) refuse(tensor, model, largest);
}

void SoupMixer::change(std::size_t model, int sign) {
  ++reads_;
  parallel_for(static_cast<std::int64_t>(blocks_.size()), 1, [&](std::int64_t begin, std::int64_t) {
    const Block& block = blocks_[static_cast<std::size_t>(begin)];
    if (!sums_[block.tensor]) return;
    ExactSum& sum = *sums_[block.tensor];
    TileBuffer buffer;
    for (std::int64_t i = 0; i < block.count; i += kTileElements) {
      const std::int64_t count = std::min(kTileElements, block.count - i);
      const std::span x(buffer.data(), static_cast<std::size_t>(count));
      read(block.tensor, model, block.first + i, x);
      if (sign > 0)
        sum.add(block.first + i, x);
      else
        sum.remove(block.first + i, x);
    }
    release_pages(part_of(*views_[block.tensor][model], block.first, block.count));
  });
  let_go(model);
}

void SoupMixer::let_go(std::size_t model) const {
  for (std::size_t i = 0; i < views_.size(); ++i)
    if (sums_[i]) release_pages(views_[i][model]->bytes, kNeighbours);
}

void SoupMixer::bring_to(const std::vector<std::size_t>& soup) {
  std::vector<std::size_t> wanted = soup, gone, missing;
  std::ranges::sort(wanted);
  std::ranges::set_difference(soup_, wanted, std::back_inserter(gone));
  std::ranges::set_difference(wanted, soup_, std::back_inserter(missing));
  if (gone.size() > wanted.size()) {
    // Cheaper from nothing.
    for (auto& sum : sums_)
      if (sum) sum = std::make_unique<ExactSum>(sum->elements());
    missing = wanted;
    gone.clear();
  }
  // A failure half way leaves sums that nobody may use.
  soup_.clear();
  for (const std::size_t model : gone) change(model, -1);
  for (const std::size_t model : missing) change(model, 1);
  soup_ = wanted;
}

void SoupMixer::fill(const Block& block, const SoupRequest& request, std::span<std::byte> bytes,
                     std::span<double> products) {
  const PlannedTensor& tensor = plan_.tensors[block.tensor];
  if (tensor.kind == Kind::largest) {
    std::vector<const TensorView*> views;
    for (const std::size_t i : request.members()) views.push_back(views_[block.tensor][i]);
    return largest_integers(views, block.first, bytes);
  }
  if (!sums_[block.tensor]) {
    std::ranges::copy(part_of(*tensor.sources.front(), block.first, block.count), bytes.begin());
    return;
  }
  const std::optional<std::size_t> model = request.added ? request.added : request.removed;
  const double sign = request.added ? 1 : -1;
  const auto before = static_cast<int>(request.soup.size());
  const int count = before + (model ? static_cast<int>(sign) : 0);
  const ExactSum& sum = *sums_[block.tensor];
  TileBuffer x_buffer, out_buffer, soup_buffer, base_buffer;
  for (std::int64_t i = 0; i < block.count; i += kTileElements) {
    const auto size = static_cast<std::size_t>(std::min(kTileElements, block.count - i));
    const std::span x(x_buffer.data(), model ? size : 0), out(out_buffer.data(), size);
    const std::int64_t first = block.first + i;
    if (model) read(block.tensor, *model, first, x);
    sum.mean(first, x, sign, count, out);
    const double largest = merge_kernels::largest_magnitude(out);
    if (!(largest < overflow_limit(tensor.output.dtype)))
      refuse(block.tensor, plan_.models.size(), largest);
    write_values(out, tensor.output.dtype,
                 bytes.subspan(byte_count(tensor.output.dtype, i),
                               byte_count(tensor.output.dtype, static_cast<std::int64_t>(size))));
    if (!model || before == 0) continue;
    // A model that is taken out is compared with what is left, another one with the soup.
    std::span<double> soup = out, origin(base_buffer.data(), base_.empty() ? 0 : size);
    if (request.added) {
      soup = std::span(soup_buffer.data(), size);
      sum.mean(first, {}, 1, before, soup);
    }
    if (!base_.empty()) read_values(*base_[block.tensor], first, origin);
    const mix_kernels::Products part = mix_kernels::products(x, soup, origin);
    products[0] += part.xx;
    products[1] += part.yy;
    products[2] += part.xy;
    products[3] += part.distance;
  }
  if (model) release_pages(part_of(*views_[block.tensor][*model], block.first, block.count));
}

SoupMixer::Mix SoupMixer::mix(const SoupRequest& request, const MergeSink& sink) {
  assert(!request.members().empty());
  bring_to(request.soup);
  if (request.added || request.removed) ++reads_;
  std::vector<Hash128> hashes(blocks_.size());
  std::vector<std::array<double, 4>> products(blocks_.size());
  parallel_for(static_cast<std::int64_t>(blocks_.size()), 1, [&](std::int64_t begin, std::int64_t) {
    const auto i = static_cast<std::size_t>(begin);
    const Block& block = blocks_[i];
    const Dtype dtype = plan_.tensors[block.tensor].output.dtype;
    const auto bytes = std::make_unique_for_overwrite<std::byte[]>(byte_count(dtype, block.count));
    const std::span piece(bytes.get(), byte_count(dtype, block.count));
    fill(block, request, piece, products[i]);
    hashes[i] = hash_bytes(piece);
    sink(block.tensor, byte_count(dtype, block.first), piece);
  });
  for (const auto& model : {request.added, request.removed})
    if (model) let_go(*model);
  // Sums and hashes in the order of the blocks, whoever worked on them.
  std::array<double, 4> total{};
  std::vector<std::vector<Hash128>> by_tensor(plan_.tensors.size());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    by_tensor[blocks_[i].tensor].push_back(hashes[i]);
    for (std::size_t j = 0; j < total.size(); ++j) total[j] += products[i][j];
  }
  std::vector<HashedTensor> hashed;
  for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
    const OutputTensor& output = plan_.tensors[i].output;
    const std::vector<Hash128>& blocks = by_tensor[output.tied_to.value_or(i)];
    hashed.push_back(
        {output.name, output.dtype, output.shape, tensor_hash(blocks, bytes_of(output))});
  }
  Mix result{model_hash(std::move(hashed)), std::nullopt};
  const auto [xx, yy, xy, squares] = total;
  if ((request.added || request.removed) && !request.soup.empty())
    result.geometry = Geometry{
        std::sqrt(squares), yy > 0 ? std::sqrt(squares / yy) : 0,
        xx > 0 && yy > 0 ? std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0) : 1, !base_.empty()};
  return result;
}

std::vector<OwnedTensor> SoupMixer::mixed(const SoupRequest& request, Mix& mix_result) {
  std::vector<OwnedTensor> result;
  for (const PlannedTensor& tensor : plan_.tensors)
    result.push_back({tensor.output.name, tensor.output.dtype, tensor.output.shape,
                      std::vector<std::byte>(bytes_of(tensor.output))});
  mix_result =
      mix(request, [&](std::size_t tensor, std::uint64_t first, std::span<const std::byte> bytes) {
        std::ranges::copy(bytes, result[tensor].bytes.begin() + static_cast<std::ptrdiff_t>(first));
      });
  for (std::size_t i = 0; i < result.size(); ++i)
    if (const auto& tied = plan_.tensors[i].output.tied_to) result[i].bytes = result[*tied].bytes;
  return result;
}

void SoupMixer::prefetch(std::size_t model) const {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (!sums_[i]) continue;
    const auto bytes = views_[i][model]->bytes;
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    const std::uintptr_t start = begin / page * page;
    // A request only: memory that is no map of a file, or a full machine, changes nothing.
    ::madvise(reinterpret_cast<void*>(start), bytes.size() + (begin - start), MADV_WILLNEED);
  }
}

}  // namespace stockpot
