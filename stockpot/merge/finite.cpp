#include "stockpot/merge/finite.h"

#include <atomic>
#include <cmath>

#include "stockpot/merge/kernels.h"
#include "stockpot/merge/method.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {

std::int64_t count_not_finite(const TensorView& tensor) {
  if (!row(tensor.dtype).floating || !has_numbers(tensor.dtype)) return 0;
  TensorJob job;
  job.models = {&tensor};
  std::atomic<std::int64_t> bad = 0;
  for_each_part(job, [&](std::int64_t first, std::int64_t count) {
    TileBuffer buffer;
    const std::span values(buffer.data(), static_cast<std::size_t>(count));
    read_values(tensor, first, values);
    if (std::isfinite(merge_kernels::largest_magnitude(values))) return;
    for (const double value : values) bad += !std::isfinite(value);
  });
  return bad;
}

}  // namespace stockpot
