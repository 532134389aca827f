#include "stockpot/merge/gram.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/gram_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

// One row of columns for each model should stay in the second-level cache: 73 rows are 300 KB.
constexpr std::int64_t kColumns = 512;

// What a part of a tensor adds up to: the full matrix, of which the lower triangle is used, and
// whether some value differs from that of the first model.
std::size_t sums_of(std::size_t models) { return models * models + 1; }

void add_products(const TensorJob& job, std::int64_t begin, std::int64_t end,
                  std::vector<double>& rows, std::span<double> sums) {
  const std::size_t models = job.models.size();
  std::array<double, kColumns> base_values;
  for (std::int64_t first = begin; first < end; first += kColumns) {
    const auto count = static_cast<std::size_t>(std::min(kColumns, end - first));
    const std::span base(base_values.data(), job.base != nullptr ? count : 0);
    if (!base.empty()) read_base(job, first, base);
    const auto row = [&](std::size_t i) { return std::span(rows).subspan(i * count, count); };
    for (std::size_t i = 0; i < models; ++i) {
      read_task_vector(job, i, first, base, row(i));
      if (sums.back() == 0 && !std::ranges::equal(row(0), row(i))) sums.back() = 1;
    }
    merge_kernels::add_gram(rows.data(), models, count, sums.data());
  }
}

Gram finished(std::size_t models, std::vector<double> sums) {
  const bool equal = sums.back() == 0;
  sums.pop_back();
  return Gram(models, std::move(sums), equal);
}

std::vector<double> rows_of(const TensorJob& job) {
  return std::vector<double>(job.models.size() * static_cast<std::size_t>(kColumns));
}

}  // namespace

Gram::Gram(std::size_t models, std::vector<double> products, bool equal)
    : models_(models), products_(std::move(products)), equal_(equal) {
  for (std::size_t i = 0; i < models; ++i)
    for (std::size_t j = 0; j < i; ++j) products_[j * models + i] = products_[i * models + j];
}

double Gram::norm(std::size_t i) const { return std::sqrt(product(i, i)); }

double Gram::cosine(std::size_t i, std::size_t j) const {
  return std::clamp(product(i, j) / (norm(i) * norm(j)), -1.0, 1.0);
}

Gram gram(const TensorJob& job) {
  return finished(
      job.models.size(),
      ordered_sums(job, sums_of(job.models.size()),
                   [&](std::int64_t first, std::int64_t elements, std::span<double> partial) {
                     std::vector<double> rows = rows_of(job);
                     add_products(job, first, first + elements, rows, partial);
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
    std::vector<double> rows_buffer = rows_of(job);
    for (std::int64_t row = begin; row < end; ++row) {
      std::vector<double> sums(sums_of(job.models.size()));
      add_products(job, row * width, (row + 1) * width, rows_buffer, sums);
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
