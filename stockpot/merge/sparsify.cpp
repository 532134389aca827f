#include "stockpot/merge/sparsify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/merge/top_magnitudes.h"

namespace stockpot {
namespace {

const char* name_of(TrimCount count) {
  constexpr const char* kNames[] = {"rounded", "truncated", "at least"};
  return kNames[static_cast<int>(count)];
}

// The models that take part in some job.
std::vector<std::size_t> origins_of(std::span<const TensorJob> jobs) {
  std::vector<std::size_t> origins;
  for (const TensorJob& job : jobs)
    origins.insert(origins.end(), job.origin.begin(), job.origin.end());
  std::ranges::sort(origins);
  origins.erase(std::ranges::unique(origins).begin(), origins.end());
  return origins;
}

std::int64_t elements_of(std::span<const TensorJob> jobs, std::size_t origin) {
  std::int64_t elements = 0;
  for (const TensorJob& job : jobs)
    if (std::ranges::find(job.origin, origin) != job.origin.end()) elements += job.elements();
  return elements;
}

class MagnitudeTrim : public Sparsifier {
 public:
  explicit MagnitudeTrim(const TrimOptions& options) : options_(options) {
    require_density(options.density);
  }

  void survey(std::span<const TensorJob> jobs) override {
    if (options_.scope == TrimScope::tensor) return;
    parts_.clear();
    positions_.clear();
    std::int64_t position = 0;
    for (const TensorJob& job : jobs) {
      positions_[job.name] = position;
      position += job.elements();
    }
    parts_[""] = find(jobs);
  }

  void prepare(const TensorJob& job) override {
    if (options_.scope == TrimScope::tensor && !parts_.contains(job.name))
      parts_[job.name] = find({&job, 1});
  }

  void apply(const TensorJob& job, std::size_t model, std::int64_t first,
             std::span<double> tau) const override {
    const bool global = options_.scope == TrimScope::global;
    const TopPart& part = parts_.at(global ? "" : job.name).at(job.origin[model]);
    keep_top(part, first + (global ? positions_.at(job.name) : 0), tau);
  }

  void describe(Json& options) const override {
    options.set("density", options_.density);
    options.set("trim", options_.scope == TrimScope::global ? "global" : "tensor");
    options.set("count", name_of(options_.count));
  }

 private:
  using Parts = std::map<std::size_t, TopPart>;  // by model

  Parts find(std::span<const TensorJob> jobs) const {
    std::vector<TopRequest> requests;
    for (const std::size_t origin : origins_of(jobs))
      requests.push_back(
          {origin, kept_count(options_.density, elements_of(jobs, origin), options_.count)});
    const std::vector<TopPart> found = top_magnitudes(jobs, requests);
    Parts parts;
    for (std::size_t i = 0; i < found.size(); ++i) {
      TopPart part = found[i];
      if (options_.count == TrimCount::at_least)
        part.last = std::numeric_limits<std::int64_t>::max();
      parts[requests[i].origin] = part;
    }
    return parts;
  }

  TrimOptions options_;
  std::map<std::string, Parts> parts_;  // by tensor; global: the name ""
  std::map<std::string, std::int64_t> positions_;
};

class Breadcrumbs : public Sparsifier {
 public:
  explicit Breadcrumbs(const BreadcrumbsOptions& options) : options_(options) {
    require_density(options.density);
    if (!(options.gamma >= 0 && options.gamma < 1))
      throw UsageError("gamma must be at least 0 and below 1, found " + Json(options.gamma).dump());
  }

  void prepare(const TensorJob& job) override {
    if (parts_.contains(job.name)) return;
    const std::int64_t elements = job.elements();
    const std::int64_t kept = kept_count(options_.density, elements, options_.count);
    const auto outliers = static_cast<std::int64_t>(options_.gamma * static_cast<double>(elements));
    const std::int64_t dropped = std::min(outliers, elements - kept);
    std::vector<TopRequest> requests;
    for (const std::size_t origin : job.origin) {
      requests.push_back({origin, dropped});
      requests.push_back({origin, dropped + kept});
    }
    parts_[job.name] = top_magnitudes({&job, 1}, requests);
  }

  void apply(const TensorJob& job, std::size_t model, std::int64_t first,
             std::span<double> tau) const override {
    const std::vector<TopPart>& parts = parts_.at(job.name);
    // The order matters: zeroes made by the first would count as small values in the second.
    keep_top(parts[2 * model + 1], first, tau);
    drop_top(parts[2 * model], first, tau);
  }

  void describe(Json& options) const override {
    options.set("density", options_.density);
    options.set("gamma", options_.gamma);
    options.set("trim", "tensor");
    options.set("count", name_of(options_.count));
  }

 private:
  BreadcrumbsOptions options_;
  std::map<std::string, std::vector<TopPart>> parts_;  // by tensor: two for each model
};

ConsensusOptions consensus_of(const SparseMergeOptions& options) {
  return {.elect = options.elect, .normalize = options.normalize, .lambda = options.lambda};
}

}  // namespace

std::int64_t kept_count(double density, std::int64_t elements, TrimCount count) {
  const double exact = density * static_cast<double>(elements);
  switch (count) {
    case TrimCount::truncated:
      return std::max<std::int64_t>(1, static_cast<std::int64_t>(exact));
    case TrimCount::at_least:
      return std::min(elements, static_cast<std::int64_t>(exact) + 1);
    default:
      return std::max<std::int64_t>(1, std::llround(exact));
  }
}

std::unique_ptr<Sparsifier> magnitude_trim(const TrimOptions& options) {
  return std::make_unique<MagnitudeTrim>(options);
}

std::unique_ptr<Sparsifier> breadcrumbs_trim(const BreadcrumbsOptions& options) {
  return std::make_unique<Breadcrumbs>(options);
}

std::unique_ptr<MergeMethod> magnitude_merge(const TrimOptions& trim,
                                             const SparseMergeOptions& options) {
  return std::make_unique<TaskVectorMerge>("magnitude", magnitude_trim(trim),
                                           consensus_of(options));
}

std::unique_ptr<MergeMethod> breadcrumbs_merge(const BreadcrumbsOptions& breadcrumbs,
                                               const SparseMergeOptions& options) {
  return std::make_unique<TaskVectorMerge>("breadcrumbs", breadcrumbs_trim(breadcrumbs),
                                           consensus_of(options));
}

}  // namespace stockpot
