#include "stockpot/merge/gram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/gram_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

// One row of columns for each model should stay in the second-level cache: 73 rows are 230 KB. Rows
// of 4 KB would all fall into the same lines of the first-level cache.
constexpr std::int64_t kColumns = 400;

// What a part of a tensor adds up to: the full matrix, of which the lower triangle is used, and
// whether some value differs from that of the first model.
std::size_t sums_of(std::size_t models) { return models * models + 1; }

// The task vectors of a few columns: a row for each model; the models' values without a base.
class Strip {
 public:
  // `ahead`: elements from one strip to what the thread reads after it.
  Strip(const TensorJob& job, std::int64_t ahead)
      : job_(job),
        ahead_(static_cast<std::size_t>(ahead)),
        rows_(std::make_unique_for_overwrite<double[]>(models() *
                                                       static_cast<std::size_t>(kColumns))),
        streams_(models()) {
    const auto other = [&](const TensorView* view) { return view->dtype != job.base->dtype; };
    if (job.base != nullptr && std::ranges::none_of(job.models, other)) dtype_ = job.base->dtype;
  }

  // `total`, for a job with a base, becomes the sum of the rows.
  void read(std::int64_t first, std::span<double> total) {
    columns_ = total.size();
    switch (dtype_) {
      case Dtype::f32:
        return read_alike(merge_kernels::task_vectors_f32, first, total);
      case Dtype::bf16:
        return read_alike(merge_kernels::task_vectors_bf16, first, total);
      case Dtype::f16:
        return read_alike(merge_kernels::task_vectors_f16, first, total);
      default:
        return read_one_by_one(first, total);
    }
  }

  const double* rows() const { return rows_.get(); }
  std::size_t models() const { return job_.models.size(); }

  bool all_equal() const {
    for (std::size_t i = 1; i < models(); ++i)
      if (!std::ranges::equal(row(0), row(i))) return false;
    return true;
  }

 private:
  std::span<double> row(std::size_t i) const { return {rows_.get() + i * columns_, columns_}; }

  template <typename Kernel>
  void read_alike(const Kernel& kernel, std::int64_t first, std::span<double> total) {
    const auto from = [&](const TensorView& view) {
      return view.bytes.data() + byte_count(view.dtype, first);
    };
    for (std::size_t i = 0; i < models(); ++i) streams_[i] = from(*job_.models[i]);
    kernel(streams_, from(*job_.base), ahead_, rows_.get(), total);
  }

  void read_one_by_one(std::int64_t first, std::span<double> total) {
    std::array<double, kColumns> base_values;
    const std::span base(base_values.data(), job_.base != nullptr ? columns_ : 0);
    if (!base.empty()) read_base(job_, first, base);
    std::ranges::fill(total, 0.0);
    for (std::size_t i = 0; i < models(); ++i) {
      if (base.empty())
        read_task_vector(job_, i, first, base, row(i));
      else
        add_task_vector(job_, i, first, base, row(i), total);
    }
  }

  const TensorJob& job_;
  std::size_t ahead_, columns_ = 0;
  Dtype dtype_ = Dtype::f64;  // of all views, where a kernel knows it
  std::unique_ptr<double[]> rows_;
  std::vector<const std::byte*> streams_;
};

// `total`, unless it is empty, is the sum of the task vectors of the whole tensor.
void add_products(Strip& strip, std::int64_t begin, std::int64_t end, std::span<double> sums,
                  std::span<double> total) {
  std::array<double, kColumns> unused;
  for (std::int64_t first = begin; first < end; first += kColumns) {
    const auto count = static_cast<std::size_t>(std::min(kColumns, end - first));
    strip.read(first, total.empty() ? std::span(unused).first(count)
                                    : total.subspan(static_cast<std::size_t>(first), count));
    if (sums.back() == 0 && !strip.all_equal()) sums.back() = 1;
    merge_kernels::add_gram(strip.rows(), strip.models(), count, sums.data());
  }
}

Gram finished(std::size_t models, std::vector<double> sums) {
  const bool equal = sums.back() == 0;
  sums.pop_back();
  return Gram(models, std::move(sums), equal);
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

Gram gram(const TensorJob& job, TensorPass& pass, std::span<double> total) {
  return finished(
      job.models.size(),
      ordered_sums(job, pass, sums_of(job.models.size()),
                   [&](std::int64_t first, std::int64_t elements, std::span<double> partial) {
                     Strip strip(job, kTileElements);
                     add_products(strip, first, first + elements, partial, total);
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
    Strip strip(job, kColumns);
    for (std::int64_t row = begin; row < end; ++row) {
      std::vector<double> sums(sums_of(job.models.size()));
      add_products(strip, row * width, (row + 1) * width, sums, {});
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
