#include "stockpot/merge/gram.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/task_vector_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

std::size_t triangle_size(std::size_t models) { return models * (models + 1) / 2; }

// Adds the products of a tile and, at the end, the number of values that differ from those of
// the first model. `buffer` holds a tile for each model.
void add_products(const TensorJob& job, std::int64_t first, std::size_t count,
                  std::vector<double>& buffer, std::span<double> sums) {
  const std::size_t models = job.models.size();
  TileBuffer base_buffer;
  const std::span base(base_buffer.data(), job.base != nullptr ? count : 0);
  if (!base.empty()) read_base(job, first, base);
  const auto tau = [&](std::size_t i) {
    return std::span(buffer).subspan(i * kTileElements, count);
  };
  std::size_t next = 0;
  for (std::size_t i = 0; i < models; ++i) {
    read_task_vector(job, i, first, base, tau(i));
    for (std::size_t j = 0; j <= i; ++j) sums[next++] += merge_kernels::dot(tau(i), tau(j));
    if (i > 0) sums.back() += static_cast<double>(merge_kernels::count_different(tau(0), tau(i)));
  }
}

Gram finished(std::size_t models, std::vector<double> sums) {
  const bool equal = sums.back() == 0;
  sums.pop_back();
  return Gram(models, std::move(sums), equal);
}

std::vector<double> tile_for_each(const TensorJob& job) {
  return std::vector<double>(job.models.size() * static_cast<std::size_t>(kTileElements));
}

}  // namespace

Gram::Gram(std::size_t models, std::vector<double> triangle, bool equal)
    : models_(models), products_(models * models), equal_(equal) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < models; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      products_[i * models + j] = products_[j * models + i] = triangle[next++];
}

double Gram::norm(std::size_t i) const { return std::sqrt(product(i, i)); }

double Gram::cosine(std::size_t i, std::size_t j) const {
  return std::clamp(product(i, j) / (norm(i) * norm(j)), -1.0, 1.0);
}

Gram gram(const TensorJob& job) {
  const std::size_t models = job.models.size();
  return finished(
      models,
      ordered_sums(job, triangle_size(models) + 1,
                   [&](std::int64_t first, std::int64_t elements, std::span<double> partial) {
                     std::vector<double> buffer = tile_for_each(job);
                     add_products(job, first, static_cast<std::size_t>(elements), buffer, partial);
                   }));
}

std::int64_t row_count(const TensorJob& job) {
  const Shape& shape = job.models.front()->shape;
  return shape.size() < 2 ? 1 : shape.front();
}

void gram_by_rows(const TensorJob& job,
                  const std::function<void(std::int64_t row, const Gram& gram)>& use) {
  const std::int64_t rows = row_count(job);
  if (rows == 0) return;
  const std::int64_t width = job.elements() / rows;
  const std::int64_t grain =
      std::max<std::int64_t>(1, 16 * kTileElements / std::max<std::int64_t>(width, 1));
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> buffer = tile_for_each(job);
    for (std::int64_t row = begin; row < end; ++row) {
      std::vector<double> sums(triangle_size(job.models.size()) + 1);
      for (std::int64_t first = 0; first < width; first += kTileElements)
        add_products(job, row * width + first,
                     static_cast<std::size_t>(std::min(kTileElements, width - first)), buffer,
                     sums);
      use(row, finished(job.models.size(), std::move(sums)));
    }
    const auto release = [&](const TensorView& tensor) {
      release_pages(part_of(tensor, begin * width, (end - begin) * width));
    };
    for (const TensorView* model : job.models) release(*model);
    if (job.base != nullptr) release(*job.base);
  });
}

}  // namespace stockpot
