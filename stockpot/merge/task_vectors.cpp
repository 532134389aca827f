#include "stockpot/merge/task_vectors.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/task_vector_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {

void Sparsifier::survey(std::span<const TensorJob>) {}
void Sparsifier::prepare(const TensorJob&) {}

TaskVectorMerge::TaskVectorMerge(std::string name, std::unique_ptr<Sparsifier> sparsifier,
                                 ConsensusOptions consensus)
    : name_(std::move(name)), sparsifier_(std::move(sparsifier)), consensus_(consensus) {
  if (!std::isfinite(consensus_.lambda)) throw UsageError("lambda must be a finite number");
}

void TaskVectorMerge::survey(std::span<const TensorJob> jobs, Progress& progress) {
  zero_sign_ = consensus_.zero_sum == ZeroSum::positive ? 1 : 0;
  if (sparsifier_ != nullptr) {
    progress.status(name_ + ": looking through the task vectors");
    sparsifier_->survey(jobs);
  }
  const bool majority = consensus_.zero_sum == ZeroSum::majority ||
                        consensus_.zero_sum == ZeroSum::majority_or_negative;
  if (!consensus_.elect || !majority) return;
  progress.status(name_ + ": electing signs");
  find_majority(jobs);
}

void TaskVectorMerge::find_majority(std::span<const TensorJob> jobs) {
  double signs = 0;  // sums of whole numbers: exact
  for (const TensorJob& job : jobs) {
    prepare(job);
    signs += ordered_sums(
        job, 1, [&](std::int64_t first, std::int64_t elements, std::span<double> partial) {
          TileBuffer buffer;
          const std::span base(buffer.data(), static_cast<std::size_t>(elements));
          read_base(job, first, base);
          with_votes(job, first, base, [&](const merge_kernels::Votes& votes) {
            partial[0] += static_cast<double>(merge_kernels::elected_signs(votes));
          });
        })[0];
  }
  zero_sign_ = (signs > 0 ? 1 : 0) - (signs < 0 ? 1 : 0);
  if (zero_sign_ == 0 && consensus_.zero_sum == ZeroSum::majority_or_negative) zero_sign_ = -1;
}

void TaskVectorMerge::prepare(const TensorJob& job) {
  if (sparsifier_ != nullptr) sparsifier_->prepare(job);
}

void TaskVectorMerge::read_sparse(const TensorJob& job, std::size_t model, std::int64_t first,
                                  std::span<const double> base, std::span<double> out) const {
  read_task_vector(job, model, first, base, out);
  if (sparsifier_ != nullptr) sparsifier_->apply(job, model, first, out);
}

template <typename Use>
void TaskVectorMerge::with_votes(const TensorJob& job, std::int64_t first,
                                 std::span<const double> base, const Use& use) const {
  TileBuffer buffers[5];
  for (TileBuffer& buffer : buffers) std::fill_n(buffer.begin(), base.size(), 0.0);
  const auto part = [&](int i) { return std::span(buffers[i].data(), base.size()); };
  const merge_kernels::Votes votes{part(0), part(1), part(2), part(3)};
  for (std::size_t i = 0; i < job.models.size(); ++i) {
    read_sparse(job, i, first, base, part(4));
    merge_kernels::vote(part(4), job.weights[i], votes);
  }
  use(votes);
}

void TaskVectorMerge::fill_elected(const TensorJob& job, std::int64_t first,
                                   std::span<const double> base, std::span<double> out) const {
  with_votes(job, first, base, [&](const merge_kernels::Votes& votes) {
    merge_kernels::elect(votes, zero_sign_, consensus_.normalize, out);
  });
}

void TaskVectorMerge::fill_sum(const TensorJob& job, std::int64_t first,
                               std::span<const double> base, std::span<double> out) const {
  TileBuffer buffer;
  const std::span tau(buffer.data(), out.size());
  std::ranges::fill(out, 0.0);
  for (std::size_t i = 0; i < job.models.size(); ++i) {
    read_sparse(job, i, first, base, tau);
    merge_kernels::add_scaled(out, tau, job.weights[i]);
  }
  const double total = sum(job.weights);
  if (consensus_.normalize && total != 0)
    for (double& value : out) value /= total;
}

void TaskVectorMerge::fill(const TensorJob& job, std::int64_t first, std::span<double> out) const {
  TileBuffer buffer;
  const std::span base(buffer.data(), out.size());
  read_base(job, first, base);
  if (consensus_.elect)
    fill_elected(job, first, base, out);
  else
    fill_sum(job, first, base, out);
  merge_kernels::step_from(base, job.scale * consensus_.lambda, out);
}

Json TaskVectorMerge::options() const {
  Json options = Json::object({{"lambda", consensus_.lambda}, {"normalize", consensus_.normalize}});
  if (consensus_.elect) {
    constexpr const char* kNames[] = {"none", "positive", "majority", "majority or negative"};
    options.set("elect", "sign of the sum");
    options.set("zero_sum", kNames[static_cast<int>(consensus_.zero_sum)]);
  }
  if (sparsifier_ != nullptr) sparsifier_->describe(options);
  return options;
}

void require_density(double density) {
  if (!(density > 0 && density <= 1))
    throw UsageError("density must be above 0 and at most 1, found " + Json(density).dump());
}

}  // namespace stockpot
