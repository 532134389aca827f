#include "stockpot/diagnose/distortion.h"

#include <cassert>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/diagnose/set_study.h"

namespace stockpot::diagnose {

struct DistortionStudy::Impl {
  std::vector<DiagnosedModel> models;
  DistortionOptions options;
  Distortion done;
  std::optional<IdTraces> id;
  std::unique_ptr<SetStudy> open;  // the set that is being added
};

namespace {

void check(const std::vector<DiagnosedModel>& models, const std::vector<std::string>& classes,
           const SpanRule& rule) {
  if (models.size() < 2)
    throw UsageError("a diagnosis compares two or more models: BEFORE, then AFTER");
  if (classes.size() < 2)
    throw UsageError(printable(models[1].name) +
                     " has one class only: a diagnosis needs two or more");
  if (!(rule.share > 0 && rule.share <= 1))
    throw UsageError("the share of variance of a span is " + shortest(rule.share) +
                     ": expected more than 0 and at most 1");
  if (rule.rank && *rule.rank < 1)
    throw UsageError("the rank of a span is " + std::to_string(*rule.rank) +
                     ": expected 1 or more");
  for (const DiagnosedModel& model : models)
    if (model.features != models.front().features)
      throw FormatError(printable(model.name) + ": its features have " +
                        std::to_string(model.features) + " dimensions, those of " +
                        printable(models.front().name) + " have " +
                        std::to_string(models.front().features) +
                        ": distances need the same architecture before and after");
}

}  // namespace

DistortionStudy::DistortionStudy(std::vector<DiagnosedModel> models,
                                 std::vector<std::string> classes, const DistortionOptions& options)
    : impl_(std::make_unique<Impl>()) {
  check(models, classes, options.span);
  impl_->options = options;
  Distortion& done = impl_->done;
  done.span = options.span;
  done.seed = options.seed;
  done.features = models.front().features;
  done.classes = static_cast<std::int64_t>(classes.size());
  done.class_names = std::move(classes);
  for (const DiagnosedModel& model : models) {
    done.models.push_back(model.name);
    done.folders.push_back(model.folder);
    done.statistics_changes.push_back(model.statistics_change);
    DistortionHead head{model.head.weight.norm(), {}};
    if (&model != &models.front() && models.front().judges)
      head.change = head_change(models.front().head, model.head);
    done.heads.push_back(std::move(head));
  }
  impl_->models = std::move(models);
}

DistortionStudy::DistortionStudy(DistortionStudy&&) noexcept = default;
DistortionStudy::~DistortionStudy() = default;

void DistortionStudy::add(const std::string& set, const PairedFeatures& rows) {
  Impl& all = *impl_;
  if (!all.open)
    all.open = std::make_unique<SetStudy>(all.models, all.done.classes, set, all.options.seed,
                                          all.done.sets.size());
  all.open->add(rows, all.id ? &*all.id : nullptr);
}

void DistortionStudy::finish_set(const std::string& set) {
  Impl& all = *impl_;
  if (!all.open) add(set, {{}, std::vector<std::span<const float>>(all.models.size())});
  const bool self = !all.id;
  if (self) {
    all.id = all.open->traces(all.options.span);
    all.done.id_rank = all.id->models.front().span.rank();
    all.done.id_share = all.id->models.front().span.share;
  }
  all.done.sets.push_back(all.open->result(all.options.span, *all.id, self));
  if (self) all.done.layer_widths = all.open->layer_widths();
  all.open.reset();
  if (self) return;
  // The ratio of the means themselves, beside the interval of the replicates.
  DistortionSet& now = all.done.sets.back();
  for (std::size_t a = 0; a < now.movements.size(); ++a)
    if (const double mean = now.movements[a].mean; mean > 0)
      now.movements[a].id_ratio = all.done.sets.front().movements[a].mean / mean;
}

void DistortionStudy::add_id_again(const PairedFeatures& rows) {
  Impl& all = *impl_;
  assert(all.done.sets.size() == 1 && !all.open);
  DistortionSet& set = all.done.sets.front();
  const std::vector<MatrixXd> features =
      checked_features(all.models, set.name, rows, set.models.front().nearest_mean.total);
  parallel_for(static_cast<std::int64_t>(all.models.size()), 1,
               [&](std::int64_t begin, std::int64_t) {
                 const auto m = static_cast<std::size_t>(begin);
                 set.models[m].nearest_mean +=
                     all.id->models[m].classes.judge(features[m], rows.labels, true);
               });
}

Distortion DistortionStudy::result() const { return impl_->done; }

}  // namespace stockpot::diagnose
