#include "stockpot/model/blocks.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>

namespace stockpot {

// at::parallel_for is a template that runs on one thread wherever it is compiled without
// OpenMP, and on a pool of its own wherever LibTorch brings its own OpenMP library. The loop of
// an iterator over as many elements as there are threads is compiled into LibTorch.
void for_blocks(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next = 0;
  const auto work = [&](char**, const std::int64_t*, std::int64_t, std::int64_t) {
    for (std::int64_t block; (block = next.fetch_add(1)) < count;) body(block);
  };
  const std::int64_t threads = std::min<std::int64_t>(at::get_num_threads(), count);
  if (threads < 1) return;
  if (threads == 1) return work(nullptr, nullptr, 1, 1);
  const at::Tensor one_each = at::empty({threads}, at::kByte);
  at::TensorIterator::borrowing_nullary_op(one_each).for_each(work, /*grain_size=*/1);
}

void for_ranges(std::int64_t n, std::int64_t size,
                const std::function<void(std::int64_t, std::int64_t)>& body) {
  for_blocks((n + size - 1) / size,
             [&](std::int64_t block) { body(block * size, std::min(n, (block + 1) * size)); });
}

}  // namespace stockpot
