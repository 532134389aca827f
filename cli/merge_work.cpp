#include "cli/merge_work.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/average.h"
#include "stockpot/merge/statistics.h"

namespace stockpot::cli {
namespace {

IntegerPolicy integers_from(const std::string& word) {
  if (word == "max") return IntegerPolicy::max;
  return word == "first" ? IntegerPolicy::first : IntegerPolicy::checked;
}

MergeOptions options_of(const MergeRequest& request, std::optional<double> alpha,
                        std::size_t models, Container container) {
  MergeOptions options;
  options.weights = request.weights;
  options.scale = alpha.value_or(1);
  // BatchNorm's statistics follow the weights where these make a mean.
  if (request.method == "average" && !request.weights.empty())
    options.shares = shares_of(request.weights);
  if (request.method == "interpolate" && alpha && request.depth.empty())
    options.shares = {1 - *alpha, *alpha};
  options.depth = request.depth;
  if (options.depth.size() == 1)
    throw UsageError("--depth needs two or more numbers: the first and the last layer's");
  for (const std::string& text : request.groups)
    options.groups.push_back(parse_group(text, models));
  if (!request.head.empty()) options.groups.push_back(head_rule(request.head, models));
  if (!request.backbone.empty()) options.groups.push_back(backbone_rule(request.backbone, models));
  options.batchnorm = batchnorm_policy(request.batchnorm);
  options.integers = integers_from(request.integers);
  options.intersection = request.intersection;
  if (request.best > 0 || request.best_first) options.best = 0;
  options.dtype = request.written.type();
  options.container = container;
  return options;
}

}  // namespace

BatchNormPolicy batchnorm_policy(const std::string& word) {
  if (word == "keep") return BatchNormPolicy::keep;
  if (word == "average") return BatchNormPolicy::average;
  if (word == "mixed") return BatchNormPolicy::mixed;
  return word == "recompute" ? BatchNormPolicy::recompute : BatchNormPolicy::variance;
}

MergeWork::MergeWork(const MergeRequest& request, const std::vector<fs::path>& models,
                     std::optional<double> alpha, Container container)
    : request_(request), alpha_(alpha) {
  for (const fs::path& path : models)
    models_.push_back(Checkpoint::open(path, request.open.options()));
  if (!request.base.empty()) base_ = Checkpoint::open(request.base, request.open.options());
  plan_ = plan_merge(models_, base_ ? &*base_ : nullptr, request.needs_base,
                     options_of(request, alpha, models.size(), container));
  if (request.method == "average")
    method_ = average_method();
  else if (request.method == "interpolate")
    method_ = interpolation_method();
  else
    method_ = request.build({models_, plan_.keys});
}

std::vector<std::string> MergeWork::arguments() const {
  std::vector<std::string> words{request_.command};
  if (request_.command == "merge") words.push_back(request_.method);
  words.insert(words.end(), request_.flags.begin(), request_.flags.end());
  if (request_.best > 0 || request_.best_first) words.push_back("--best-first");
  if (alpha_) words.insert(words.end(), {"--alphas", shortest(*alpha_)});
  words.push_back("--");
  for (const Checkpoint& model : models_) words.push_back(fs::absolute(model.path()).native());
  return words;
}

MergeRequest average_request(const std::string& policy, const fs::path& output,
                             const OutputFlags& written) {
  MergeRequest request;
  request.command = request.method = "average";
  request.batchnorm = policy;
  request.flags = {"--bn", policy};
  request.output = output;
  request.written = written;
  return request;
}

RunLimits limits_of(const MergeRequest& request) {
  RunLimits limits;
  limits.allow_nonfinite = request.allow_nonfinite;
  if (request.max_memory.empty()) return limits;
  const auto bytes = parse_bytes(request.max_memory);
  if (!bytes || *bytes == 0)
    throw UsageError("--max-memory " + printable(request.max_memory) +
                     " is no size; write 64M, 2GB or 1GiB");
  limits.max_memory = *bytes;
  return limits;
}

}  // namespace stockpot::cli
