// A merge that is ready to run: models opened, method built, every tensor planned.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/merge_request.h"
#include "stockpot/merge/plan.h"
#include "stockpot/merge/run.h"

namespace stockpot::cli {

class MergeWork {
 public:
  // `models` are the request's after the choice among them; alpha: the point of an interpolation.
  // Throws what opening, planning and the options throw.
  MergeWork(const MergeRequest& request, const std::vector<fs::path>& models,
            std::optional<double> alpha, Container container);
  MergeWork(const MergeWork&) = delete;

  const MergePlan& plan() const { return plan_; }
  MergeMethod& method() const { return *method_; }
  const Checkpoint& first() const { return models_.front(); }
  // The arguments that make the same values again (MergeRequest::flags).
  std::vector<std::string> arguments() const;

 private:
  const MergeRequest& request_;
  std::optional<double> alpha_;
  std::vector<Checkpoint> models_;
  std::optional<Checkpoint> base_;
  std::unique_ptr<MergeMethod> method_;
  MergePlan plan_;
};

// The request that `average --bn POLICY` makes; its models are still to be named.
MergeRequest average_request(const std::string& policy, const fs::path& output,
                             const OutputFlags& written);

// "average", ...; variance for "".
BatchNormPolicy batchnorm_policy(const std::string& word);

RunLimits limits_of(const MergeRequest& request);

// Runs the work and writes its output with the manifest, which it returns.
Json write_merge(const MergeRequest& request, const MergeWork& work, const OutputPlace& place,
                 Progress& progress);

// The same from the paths: the request's models are looked at as `models`, alpha as above.
Json write_merge(const MergeRequest& request, const std::vector<fs::path>& models,
                 std::optional<double> alpha, Progress& progress);

}  // namespace stockpot::cli
