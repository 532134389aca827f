#include "stockpot/compare/gram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/gram_kernels.h"

namespace stockpot {
namespace {

// One row of a tile for each model should stay in the second-level cache: 73 rows are 300 KB.
constexpr std::int64_t kColumns = 512;
// The part of a tensor that one thread sums up by itself, and how many parts are under way before
// their sums are added up in their order.
constexpr std::int64_t kChunk = 32 * kColumns;
constexpr std::int64_t kWindow = 64;

// Sums of one chunk: a full matrix of which the lower triangle is used, and the elements that are
// not finite by view.
struct Partial {
  std::vector<double> gram;
  std::vector<std::int64_t> not_finite;
};

using Views = std::span<const TensorView* const>;  // the reference, then the models

// Leaves out the elements that are not finite somewhere.
void drop_not_finite(std::vector<double>& x, std::size_t rows, std::size_t columns,
                     std::vector<std::int64_t>& not_finite) {
  std::vector<bool> bad(columns);
  bool any = false;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < columns; ++i) {
      if (std::isfinite(x[row * columns + i])) continue;
      bad[i] = any = true;
      ++not_finite[row];
    }
  }
  if (!any) return;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < columns; ++i)
      if (bad[i]) x[row * columns + i] = 0;
}

void add_tile(Views views, std::int64_t first, std::int64_t count, std::vector<double>& x,
              Partial& partial) {
  const auto columns = static_cast<std::size_t>(count);
  for (std::size_t row = 0; row < views.size(); ++row)
    read_values(*views[row], first, std::span(x).subspan(row * columns, columns));
  drop_not_finite(x, views.size(), columns, partial.not_finite);
  for (std::size_t row = 1; row < views.size(); ++row)
    for (std::size_t i = 0; i < columns; ++i) x[row * columns + i] -= x[i];
  merge_kernels::add_gram(x.data(), views.size(), columns, partial.gram.data());
}

void sum_chunk(Views views, std::int64_t begin, std::int64_t end, Partial& partial) {
  partial.gram.assign(views.size() * views.size(), 0);
  partial.not_finite.assign(views.size(), 0);
  std::vector<double> x(views.size() * static_cast<std::size_t>(kColumns));
  for (std::int64_t first = begin; first < end; first += kColumns)
    add_tile(views, first, std::min(kColumns, end - first), x, partial);
  for (const TensorView* view : views) release_pages(part_of(*view, begin, end - begin));
}

}  // namespace

TensorGram::TensorGram(std::span<const TensorView* const> models, const TensorView* base)
    : rows_(models.size() + 1),
      has_base_(base != nullptr),
      lower_(rows_ * (rows_ + 1) / 2),
      not_finite_(models.size()) {
  std::vector<const TensorView*> views{has_base_ ? base : models.front()};
  views.insert(views.end(), models.begin(), models.end());
  const std::int64_t elements = element_count(views.front()->shape);
  const std::int64_t chunks = (elements + kChunk - 1) / kChunk;
  std::vector<Partial> window(static_cast<std::size_t>(std::min(chunks, kWindow)));
  for (std::int64_t start = 0; start < chunks; start += kWindow) {
    const std::int64_t count = std::min(kWindow, chunks - start);
    parallel_for(count, 1, [&](std::int64_t slot, std::int64_t) {
      const std::int64_t begin = (start + slot) * kChunk;
      sum_chunk(views, begin, std::min(begin + kChunk, elements),
                window[static_cast<std::size_t>(slot)]);
    });
    // Once more: the kernel maps neighbours of what is read.
    const std::int64_t first = start * kChunk, last = std::min(first + count * kChunk, elements);
    for (const TensorView* view : views)
      release_pages(part_of(*view, first, last - first), kNeighbours);
    for (std::size_t slot = 0; slot < static_cast<std::size_t>(count); ++slot) {
      std::size_t place = 0;
      for (std::size_t i = 0; i < rows_; ++i)
        for (std::size_t j = 0; j <= i; ++j) lower_[place++] += window[slot].gram[i * rows_ + j];
      for (std::size_t i = 0; i < models.size(); ++i)
        not_finite_[i] += window[slot].not_finite[i + 1];
    }
  }
}

double TensorGram::at(std::size_t i, std::size_t j) const {
  if (i < j) std::swap(i, j);
  return lower_[i * (i + 1) / 2 + j];
}

double TensorGram::product(std::size_t i, std::size_t j) const {
  return at(0, 0) + at(i + 1, 0) + at(j + 1, 0) + at(i + 1, j + 1);
}

double TensorGram::squared_distance(std::size_t i, std::size_t j) const {
  return std::max(0.0, at(i + 1, i + 1) + at(j + 1, j + 1) - 2 * at(i + 1, j + 1));
}

double cosine_of(double aa, double bb, double ab) {
  if (aa <= 0 && bb <= 0) return 1;
  if (aa <= 0 || bb <= 0) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(ab / (std::sqrt(aa) * std::sqrt(bb)), -1.0, 1.0);
}

}  // namespace stockpot
