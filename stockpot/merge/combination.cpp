#include "stockpot/merge/combination.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/task_vector_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

// The only model that counts, with a coefficient of exactly 1; coefficients.size() when there
// is no such.
std::size_t only_model(std::span<const double> coefficients) {
  std::size_t only = coefficients.size();
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    if (coefficients[i] == 0) continue;
    if (coefficients[i] != 1 || only != coefficients.size()) return coefficients.size();
    only = i;
  }
  return only;
}

}  // namespace

void read_base(const TensorJob& job, std::int64_t first, std::span<double> out) {
  if (job.base != nullptr)
    read_values(*job.base, first, out);
  else
    std::ranges::fill(out, 0.0);
}

void read_task_vector(const TensorJob& job, std::size_t model, std::int64_t first,
                      std::span<const double> base, std::span<double> out) {
  read_values(*job.models[model], first, out);
  if (!base.empty()) merge_kernels::subtract(out, base);
}

void add_task_vector(const TensorJob& job, std::size_t model, std::int64_t first,
                     std::span<const double> base, std::span<double> out, std::span<double> sum) {
  read_values(*job.models[model], first, out);
  merge_kernels::subtract_and_add(out, base, sum);
}

void fill_combination(const TensorJob& job, std::span<const double> coefficients,
                      std::int64_t first, std::span<double> out) {
  const std::size_t only = only_model(coefficients);
  if (only < coefficients.size()) return read_values(*job.models[only], first, out);
  TileBuffer base_buffer, buffer;
  const std::span base(base_buffer.data(), job.base != nullptr ? out.size() : 0);
  const std::span tau(buffer.data(), out.size());
  if (!base.empty()) read_base(job, first, base);
  bool started = false;
  for (std::size_t i = 0; i < job.models.size(); ++i) {
    if (coefficients[i] == 0) continue;
    const std::span into = started ? tau : out;
    read_task_vector(job, i, first, base, into);
    if (started)
      merge_kernels::add_scaled(out, tau, coefficients[i]);
    else
      merge_kernels::multiply(out, coefficients[i]);
    started = true;
  }
  if (!started) std::ranges::fill(out, 0.0);
  if (!base.empty()) merge_kernels::step_from(base, 1, out);
}

void fill_mean(const TensorJob& job, std::span<const double> weights, std::int64_t first,
               std::span<double> out) {
  // Differences from the heaviest model: where all are equal, they are zero.
  const auto anchor = static_cast<std::size_t>(
      std::ranges::max_element(weights, {}, [](double w) { return std::abs(w); }) -
      weights.begin());
  const double total = sum(weights);
  assert(total != 0);
  TileBuffer anchor_buffer, buffer;
  const std::span reference(anchor_buffer.data(), out.size());
  const std::span difference(buffer.data(), out.size());
  read_values(*job.models[anchor], first, reference);
  std::ranges::fill(out, 0.0);
  for (std::size_t i = 0; i < job.models.size(); ++i) {
    if (i == anchor || weights[i] == 0) continue;
    read_task_vector(job, i, first, reference, difference);
    merge_kernels::add_scaled(out, difference, weights[i]);
  }
  for (double& value : out) value /= total;
  merge_kernels::step_from(reference, 1, out);
}

double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

void require_equal_weights(std::span<const TensorJob> jobs, std::string_view method) {
  for (const TensorJob& job : jobs)
    if (std::ranges::any_of(job.weights, [&](double w) { return w != job.weights.front(); }))
      throw UsageError(std::string(method) + " has no weights of models, tensor '" +
                       printable(job.name) + "' was given some that differ: leave them out");
}

void require_no_scale(std::span<const TensorJob> jobs, std::string_view method) {
  for (const TensorJob& job : jobs)
    if (job.scale != 1)
      throw UsageError(std::string(method) + " without a base has no strength to scale, tensor '" +
                       printable(job.name) + "' was given one: leave it out");
}

void require_positive_weights(std::span<const TensorJob> jobs, std::string_view method) {
  for (const TensorJob& job : jobs) {
    const bool good =
        std::ranges::all_of(job.weights, [](double w) { return std::isfinite(w) && w >= 0; });
    if (!good || sum(job.weights) == 0)
      throw UsageError(std::string(method) +
                       " needs weights of zero or more that are not all "
                       "zero, tensor '" +
                       printable(job.name) + "' was given others");
  }
}

}  // namespace stockpot
