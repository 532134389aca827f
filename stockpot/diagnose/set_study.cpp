#include "stockpot/diagnose/set_study.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"

namespace stockpot::diagnose {
namespace {

SpanRelation relation(const MatrixXd& first, const MatrixXd& second) {
  const Angles angles = principal_angles(first, second);
  return {angles.mean_cosine(), angles.smallest_cosine(), angles.largest_degrees()};
}

// f(a[r], b[r]) of paired replicates.
PercentileInterval interval_of(std::vector<double> a, const std::vector<double>& b,
                               const std::function<double(double, double)>& f) {
  for (std::size_t r = 0; r < a.size(); ++r) a[r] = f(a[r], b[r]);
  return percentiles(std::move(a));
}

MatrixXd checked_rows(const DiagnosedModel& model, const std::string& set,
                      std::span<const float> features, std::int64_t first_row) {
  const auto bad =
      std::find_if(features.begin(), features.end(), [](float x) { return !std::isfinite(x); });
  if (bad != features.end()) {
    const auto at = static_cast<std::int64_t>(bad - features.begin());
    throw RunError(printable(model.name) + " on " + printable(set) + ": feature " +
                   std::to_string(at % model.features) + " of picture " +
                   std::to_string(first_row + at / model.features) +
                   (std::isnan(*bad) ? " is NaN" : " is infinite") +
                   ", a model must make finite features (did its training diverge? 'stockpot "
                   "doctor' looks into its weights)");
  }
  return matrix_of(features, model.features);
}

}  // namespace

std::vector<MatrixXd> checked_features(const std::vector<DiagnosedModel>& models,
                                       const std::string& set, const PairedFeatures& rows,
                                       std::int64_t first_row) {
  std::vector<MatrixXd> features;
  for (std::size_t m = 0; m < models.size(); ++m)
    features.push_back(checked_rows(models[m], set, rows.features[m], first_row));
  return features;
}

SetStudy::SetStudy(const std::vector<DiagnosedModel>& models, std::int64_t classes,
                   std::string name, std::uint64_t seed, std::uint64_t index)
    : models_(models),
      name_(std::move(name)),
      right_(models.size()),
      nearest_(models.size()),
      on_before_(models.size() - 1),
      bootstrap_(seed, index, 2 * models.size() - 1) {
  for (std::size_t m = 0; m < models.size(); ++m) {
    moments_.emplace_back(models[m].features, classes);
    if (m > 0) movements_.emplace_back(models[m].features);
  }
}

void SetStudy::add(const PairedFeatures& rows, const IdTraces* id) {
  const std::size_t n = rows.labels.size(), count = models_.size();
  if (n == 0) return;
  const std::vector<MatrixXd> features = checked_features(models_, name_, rows, rows_);
  layers_.expect(rows.layers);
  MatrixXd values(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(2 * count - 1));
  // Every model, then every model at every layer: the widest layers come last in a network and
  // first here, so that no long one is left for the end.
  const std::size_t tasks = count * (1 + layers_.count());
  parallel_for(static_cast<std::int64_t>(tasks), 1, [&](std::int64_t begin, std::int64_t) {
    const std::size_t task = static_cast<std::size_t>(begin), m = task % count;
    if (task < count)
      add_model(m, features, rows.labels, id, values);
    else
      layers_.add(layers_.count() - task / count, m, rows.layers, n);
  });
  bootstrap_.add(values);
  rows_ += static_cast<std::int64_t>(n);
}

void SetStudy::add_model(std::size_t m, const std::vector<MatrixXd>& features,
                         std::span<const std::int64_t> labels, const IdTraces* id,
                         MatrixXd& values) {
  const DiagnosedModel& model = models_[m];
  const auto n = static_cast<std::int64_t>(labels.size());
  moments_[m].add(features[m], labels);
  std::vector<bool> right(labels.size());
  if (model.judges) right = head_is_right(model.head, features[m], labels);
  for (std::size_t i = 0; i < labels.size(); ++i)
    values(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(m)) = right[i];
  right_[m] += {std::count(right.begin(), right.end(), true), n};
  if (id) nearest_[m] += id->models[m].classes.judge(features[m], labels, false);
  if (m == 0) return;
  values.col(static_cast<Eigen::Index>(models_.size() + m - 1)) =
      movements_[m - 1].add(features.front(), features[m]);
  const std::vector<bool> without = head_is_right(model.head, features.front(), labels);
  on_before_[m - 1] += {std::count(without.begin(), without.end(), true), n};
}

std::vector<Span> SetStudy::spans(const SpanRule& rule) const {
  if (rows_ < 2)
    throw UsageError("the set " + printable(name_) + " has " +
                     (rows_ == 0 ? "no pictures" : "one picture") +
                     ": spans and distances need two or more");
  for (std::size_t m = 0; m < models_.size(); ++m)
    if (moments_[m].total_scatter() <=
        1e-12 * static_cast<double>(rows_) * moments_[m].mean().squaredNorm())
      throw RunError(printable(models_[m].name) + " on " + printable(name_) +
                     ": its features are the same for all " + grouped(rows_) +
                     " pictures, so they span nothing (did its training collapse? are the "
                     "pictures different?)");
  std::vector<Span> all(models_.size());
  parallel_for(static_cast<std::int64_t>(all.size()), 1, [&](std::int64_t begin, std::int64_t) {
    const auto m = static_cast<std::size_t>(begin);
    all[m] = principal_span(moments_[m].scatter(), rule);
  });
  return all;
}

IdTraces SetStudy::traces(const SpanRule& rule) const {
  const std::vector<Span> all = spans(rule);
  if (moments_.front().classes_seen() < 2)
    throw UsageError("the ID set " + printable(name_) +
                     " has pictures of one class only: how classes lie apart needs two or more");
  IdTraces id;
  for (std::size_t m = 0; m < models_.size(); ++m)
    id.models.push_back(
        {all[m], moments_[m].mean(), moments_[m].pair_distance(), NearestMean(moments_[m])});
  for (std::size_t a = 0; a < movements_.size(); ++a)
    id.distances.push_back(bootstrap_.replicates(models_.size() + a));
  return id;
}

SetFeatures SetStudy::features_of(std::size_t model, const Span& span, const IdTraces& id,
                                  bool self) const {
  const FeatureMoments& moments = moments_[model];
  SetFeatures features;
  features.mean_norm = moments.mean_norm();
  features.pair_distance = moments.pair_distance();
  features.rank = span.rank();
  if (has_separation(moments)) features.separation = separation(moments).ratio();
  features.nearest_mean = nearest_[model];
  if (models_[model].judges) {
    features.accuracy = right_[model];
    features.accuracy_interval = percentiles(bootstrap_.replicates(model));
  }
  const IdFeatures& reference = id.models[model];
  features.share_in_id_span = share_inside(moments.scatter(), reference.span.basis);
  if (self) return features;
  features.to_id = relation(reference.span.basis, span.basis);
  features.mean_shift = (moments.mean() - reference.mean).norm() / reference.pair_distance;
  return features;
}

void SetStudy::compare_means(SetMovement& moved, std::size_t after, const IdTraces& id,
                             bool self) const {
  const std::size_t channel = models_.size() + after;
  const std::vector<double> distances = bootstrap_.replicates(channel);
  moved.mean_interval = percentiles(distances);
  const auto ratio = [](double a, double b) { return a / b; };
  if (!self && moved.mean > 0) {
    // The replicates of different sets are independent; their number is the same.
    moved.id_ratio_interval = interval_of(id.distances[after], distances, ratio);
  }
  if (models_.front().judges) {
    moved.gain = right_[after + 1].share() - right_[0].share();
    moved.gain_interval =
        interval_of(bootstrap_.replicates(after + 1), bootstrap_.replicates(0), std::minus<>());
  }
  if (const double first = movements_.front().mean_distance(); after > 0 && first > 0) {
    moved.to_first = moved.mean / first;
    moved.to_first_interval = interval_of(distances, bootstrap_.replicates(models_.size()), ratio);
  }
}

SetMovement SetStudy::movement_of(std::size_t after, const std::vector<Span>& spans,
                                  const IdTraces& id, bool self) const {
  const Movement& movement = movements_[after];
  const FeatureMoments &before = moments_.front(), &later = moments_[after + 1];
  SetMovement moved;
  moved.mean = movement.mean_distance();
  moved.median = movement.median_distance();
  moved.root_mean_square = std::sqrt(movement.mean_square());
  moved.over_norm = moved.mean / before.mean_norm();
  moved.over_spread = moved.mean / before.pair_distance();
  moved.per_dimension =
      moved.root_mean_square / std::sqrt(static_cast<double>(models_.front().features));
  moved.cka = linear_cka(before.scatter(), later.scatter(), movement.cross());
  moved.spans = relation(spans.front().basis, spans[after + 1].basis);
  moved.inside = share_inside(movement.displacement(), id.models.front().span.basis);
  moved.common_share = movement.common_share();
  moved.head_on_before = on_before_[after];
  compare_means(moved, after, id, self);
  return moved;
}

DistortionSet SetStudy::result(const SpanRule& rule, const IdTraces& id, bool self) const {
  DistortionSet set;
  set.name = name_;
  set.rows = rows_;
  set.classes = moments_.front().classes_seen();
  std::vector<Span> own;
  if (self)
    for (const IdFeatures& model : id.models) own.push_back(model.span);
  else
    own = spans(rule);
  set.models.resize(models_.size());
  set.movements.resize(movements_.size());
  parallel_for(static_cast<std::int64_t>(models_.size() + movements_.size()), 1,
               [&](std::int64_t begin, std::int64_t) {
                 const auto task = static_cast<std::size_t>(begin);
                 if (task < models_.size())
                   set.models[task] = features_of(task, own[task], id, self);
                 else
                   set.movements[task - models_.size()] =
                       movement_of(task - models_.size(), own, id, self);
               });
  set.layers = layers_.result();
  return set;
}

}  // namespace stockpot::diagnose
