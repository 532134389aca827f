#include "stockpot/merge/method.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "stockpot/base/file.h"
#include "stockpot/base/pages.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

// A task's share of a tensor: small enough that a few of them, from every model, fit in memory.
constexpr std::int64_t kTilesPerTask = 16;
constexpr std::int64_t kTaskElements = kTilesPerTask * kTileElements;

// One job's share of the work.
void walk(const TensorJob& job, std::int64_t begin, std::int64_t end, const TileBody& body) {
  for (std::int64_t first = begin; first < end; first += kTileElements)
    body(first, std::min(kTileElements, end - first));
  std::vector<std::span<const std::byte>> read;
  for (const TensorView* model : job.models) read.push_back(part_of(*model, begin, end - begin));
  if (job.base != nullptr) read.push_back(part_of(*job.base, begin, end - begin));
  release_pages(read);
}

// Small tensors have no whole page of their own, but the kernel mapped their neighbours.
void release_neighbours(const TensorJob& job) {
  for (const TensorView* model : job.models) release_pages(model->bytes, kNeighbours);
  if (job.base != nullptr) release_pages(job.base->bytes, kNeighbours);
}

// Partial sums, added up in the order of their numbers whichever of them is complete first. Holds
// only those that wait for an earlier one.
class OrderedTotal {
 public:
  explicit OrderedTotal(std::size_t count) : total_(count) {}

  // The partial sums with this number; they stay where they are until they are complete.
  std::span<double> partial(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    std::vector<double>& sums = waiting_[number].sums;
    sums.resize(total_.size());
    return sums;
  }

  void complete(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    waiting_[number].complete = true;
    for (auto first = waiting_.begin();
         first != waiting_.end() && first->first == next_ && first->second.complete;
         first = waiting_.erase(first), ++next_)
      for (std::size_t i = 0; i < total_.size(); ++i) total_[i] += first->second.sums[i];
  }

  std::vector<double> take() { return std::move(total_); }

 private:
  struct Partial {
    std::vector<double> sums;
    bool complete = false;
  };
  std::mutex mutex_;
  std::map<std::int64_t, Partial> waiting_;
  std::int64_t next_ = 0;
  std::vector<double> total_;
};

}  // namespace

void MergeMethod::survey(std::span<const TensorJob>, Progress&) {}
void MergeMethod::prepare(const TensorJob&) {}
void MergeMethod::study(const TensorJob& job, TensorPass&) { prepare(job); }

void for_each_part(const TensorJob& job, const TileBody& body) {
  parallel_for(job.elements(), kTaskElements,
               [&](std::int64_t begin, std::int64_t end) { walk(job, begin, end, body); });
  release_neighbours(job);
}

std::vector<double> ordered_sums(const TensorJob& job, std::size_t count, const SumBody& body) {
  OrderedTotal total(count);
  parallel_for(job.elements(), kTaskElements, [&](std::int64_t begin, std::int64_t end) {
    const std::span<double> sums = total.partial(begin / kTaskElements);
    walk(job, begin, end,
         [&](std::int64_t first, std::int64_t elements) { body(first, elements, sums); });
    total.complete(begin / kTaskElements);
  });
  release_neighbours(job);
  return total.take();
}

std::vector<double> ordered_sums(const TensorJob& job, TensorPass& pass, std::size_t count,
                                 const SumBody& body) {
  OrderedTotal total(count);
  const std::int64_t all = job.elements();
  pass.for_each_tile([&](std::int64_t first, std::int64_t elements) {
    const std::int64_t number = first / kHashBlock, end = first + elements;
    body(first, elements, total.partial(number));
    if (end % kHashBlock == 0 || end == all) total.complete(number);
  });
  return total.take();
}

}  // namespace stockpot
