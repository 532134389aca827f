#include "stockpot/merge/fisher.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/task_vector_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {

FisherMerge::FisherMerge(std::vector<Checkpoint> statistics, const FisherOptions& options)
    : statistics_(std::move(statistics)), options_(options), factors_(statistics_.size(), 1.0) {
  if (!(options.minimum >= 0 && std::isfinite(options.minimum)))
    throw UsageError("the minimum of Fisher information must be zero or more, found " +
                     Json(options.minimum).dump());
}

// The sum of squares of a tensor's Fisher information; refuses what cannot be such.
double FisherMerge::squares(const TensorJob& job, std::size_t model,
                            const TensorView& fisher) const {
  const Checkpoint& file = statistics_[job.origin[model]];
  const std::string name = "tensor '" + printable(job.name) + "'";
  if (fisher.shape != job.models[model]->shape)
    throw FormatError(file.path(), name + " has the shape " + to_string(fisher.shape) +
                                       ", the model's is " + to_string(job.models[model]->shape));
  TensorJob alone;
  alone.models = {&fisher};
  const std::vector<double> sums = ordered_sums(
      alone, 2, [&](std::int64_t first, std::int64_t elements, std::span<double> partial) {
        TileBuffer buffer;
        const std::span values(buffer.data(), static_cast<std::size_t>(elements));
        read_values(fisher, first, values);
        partial[0] += merge_kernels::dot(values, values);
        partial[1] += static_cast<double>(std::ranges::count_if(
            values, [](double value) { return !(value >= 0 && std::isfinite(value)); }));
      });
  if (sums[1] > 0)
    throw FormatError(file.path(), name + " holds values that are negative, NaN or infinite (" +
                                       std::to_string(static_cast<std::int64_t>(sums[1])) + " of " +
                                       std::to_string(job.elements()) +
                                       "): this is not Fisher information");
  return sums[0];
}

void FisherMerge::survey(std::span<const TensorJob> jobs, Progress& progress) {
  require_positive_weights(jobs, "Fisher merging");
  require_no_scale(jobs, "Fisher merging");
  std::vector<double> squares_of(statistics_.size());
  for (const TensorJob& job : jobs) {
    if (job.models.size() != statistics_.size())
      throw UsageError("Fisher merging needs one file of statistics for each model: there are " +
                       std::to_string(statistics_.size()) + " files for " +
                       std::to_string(job.models.size()) + " models");
    progress.status("reading Fisher information");
    std::vector<const TensorView*> fishers;
    for (const std::size_t origin : job.origin) {
      const TensorView* fisher = statistics_[origin].find(job.name);
      if (fisher != nullptr) fishers.push_back(fisher);
    }
    if (fishers.size() < job.models.size()) {
      plain_.push_back(job.name);
      continue;
    }
    for (std::size_t i = 0; i < fishers.size(); ++i)
      squares_of[job.origin[i]] += squares(job, i, *fishers[i]);
    fishers_[job.name] = std::move(fishers);
  }
  if (!options_.normalize_models) return;
  for (std::size_t i = 0; i < factors_.size(); ++i) {
    const double norm = std::sqrt(squares_of[i]) + options_.minimum;
    if (norm == 0)
      throw FormatError(statistics_[i].path(),
                        "the Fisher information is zero everywhere: it has no norm to divide by");
    factors_[i] = 1 / norm;
  }
  // Added up by their size: the order of the files would decide about the last bit.
  std::vector<double> rising = factors_;
  std::ranges::sort(rising);
  const double total = sum(rising);
  for (double& factor : factors_) factor /= total;
}

void FisherMerge::fill(const TensorJob& job, std::int64_t first, std::span<double> out) const {
  const auto found = fishers_.find(job.name);
  if (found == fishers_.end()) return fill_mean(job, job.weights, first, out);
  // Differences from the first model with a weight: where all are equal, they are zero.
  const auto anchor = static_cast<std::size_t>(
      std::ranges::find_if(job.weights, [](double w) { return w > 0; }) - job.weights.begin());
  TileBuffer buffers[4];
  const auto part = [&](int i) { return std::span(buffers[i].data(), out.size()); };
  const std::span<double> reference = part(0), difference = part(1), fisher = part(2),
                          total = part(3);
  read_values(*job.models[anchor], first, reference);
  std::ranges::fill(out, 0.0);
  std::ranges::fill(total, 0.0);
  for (std::size_t i = 0; i < job.models.size(); ++i) {
    if (job.weights[i] == 0) continue;
    const double factor = job.weights[i] * factors_[job.origin[i]];
    read_values(*found->second[i], first, fisher);
    read_task_vector(job, i, first, reference, difference);
    for (std::size_t j = 0; j < out.size(); ++j) {
      const double kept = options_.minimum_rule == FisherOptions::Minimum::floor
                              ? std::max(fisher[j], options_.minimum)
                              : fisher[j] + options_.minimum;
      out[j] += factor * kept * difference[j];
      total[j] += factor * kept;
    }
  }
  // Without a minimum an element may have no information at all: the plain mean, then.
  TileBuffer mean_buffer;
  const std::span mean(mean_buffer.data(), out.size());
  const bool blind = std::ranges::find(total, 0.0) != total.end();
  if (blind) fill_mean(job, job.weights, first, mean);
  for (std::size_t j = 0; j < out.size(); ++j) out[j] = total[j] == 0 ? 0 : out[j] / total[j];
  merge_kernels::step_from(reference, 1, out);
  if (blind)
    for (std::size_t j = 0; j < out.size(); ++j)
      if (total[j] == 0) out[j] = mean[j];
}

Json FisherMerge::options() const {
  const bool floor = options_.minimum_rule == FisherOptions::Minimum::floor;
  Json files = Json::array();
  for (const Checkpoint& file : statistics_) files.push(file.path().string());
  return Json::object({{"statistics", std::move(files)},
                       {"minimum", options_.minimum},
                       {"minimum_rule", floor ? "floor" : "add"},
                       {"normalize_models", options_.normalize_models}});
}

Json FisherMerge::findings() const {
  Json names = Json::array();
  for (const std::string& name : plain_) names.push(name);
  Json findings = Json::object({{"plain_mean", std::move(names)}});
  if (!options_.normalize_models) return findings;
  Json factors = Json::array();
  for (const double factor : factors_) factors.push(factor);
  findings.set("model_factors", std::move(factors));
  return findings;
}

}  // namespace stockpot
