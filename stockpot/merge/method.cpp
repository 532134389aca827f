#include "stockpot/merge/method.h"

#include <algorithm>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

// A task's share of a tensor: small enough that a few of them, from every model, fit in memory.
constexpr std::int64_t kTilesPerTask = 16;
constexpr std::int64_t kTaskElements = kTilesPerTask * kTileElements;

// One job's share of the work.
void walk(const TensorJob& job, std::int64_t begin, std::int64_t end,
          const std::function<void(std::int64_t first, std::int64_t count)>& body) {
  for (std::int64_t first = begin; first < end; first += kTileElements)
    body(first, std::min(kTileElements, end - first));
  for (const TensorView* model : job.models) release_pages(part_of(*model, begin, end - begin));
  if (job.base != nullptr) release_pages(part_of(*job.base, begin, end - begin));
}

// Small tensors have no whole page of their own, but the kernel mapped their neighbours.
void release_neighbours(const TensorJob& job) {
  for (const TensorView* model : job.models) release_pages(model->bytes, kNeighbours);
  if (job.base != nullptr) release_pages(job.base->bytes, kNeighbours);
}

}  // namespace

void MergeMethod::survey(std::span<const TensorJob>, Progress&) {}
void MergeMethod::prepare(const TensorJob&) {}

void for_each_part(const TensorJob& job,
                   const std::function<void(std::int64_t first, std::int64_t count)>& body) {
  parallel_for(job.elements(), kTaskElements,
               [&](std::int64_t begin, std::int64_t end) { walk(job, begin, end, body); });
  release_neighbours(job);
}

std::vector<double> ordered_sums(const TensorJob& job, std::size_t count,
                                 const std::function<void(std::int64_t first, std::int64_t elements,
                                                          std::span<double> partial)>& body) {
  const auto tasks = static_cast<std::size_t>((job.elements() + kTaskElements - 1) / kTaskElements);
  std::vector<double> partial(tasks * count);
  parallel_for(job.elements(), kTaskElements, [&](std::int64_t begin, std::int64_t end) {
    const auto sums =
        std::span(partial).subspan(static_cast<std::size_t>(begin / kTaskElements) * count, count);
    walk(job, begin, end,
         [&](std::int64_t first, std::int64_t elements) { body(first, elements, sums); });
  });
  release_neighbours(job);
  std::vector<double> total(count);
  for (std::size_t i = 0; i < partial.size(); ++i) total[i % count] += partial[i];
  return total;
}

}  // namespace stockpot
