// The accumulators of one set, for all models, and what is left of the ID set for later ones.
#pragma once

#include "stockpot/diagnose/distortion.h"
#include "stockpot/diagnose/layer_study.h"
#include "stockpot/diagnose/movement.h"

namespace stockpot::diagnose {

// What ID leaves behind of one model.
struct IdFeatures {
  Span span;
  VectorXd mean;
  double pair_distance = 0;
  NearestMean classes;
};

struct IdTraces {
  std::vector<IdFeatures> models;
  std::vector<std::vector<double>> distances;  // one an AFTER: replicates of the mean distance
};

class SetStudy {
 public:
  SetStudy(const std::vector<DiagnosedModel>& models, std::int64_t classes, std::string name,
           std::uint64_t seed, std::uint64_t index);

  // `id`: null while the set is ID itself.
  void add(const PairedFeatures& rows, const IdTraces* id);
  // What an ID set leaves; throws as DistortionStudy::finish_set().
  IdTraces traces(const SpanRule& rule) const;
  // `self`: this is the ID set, and `id` its own traces.
  DistortionSet result(const SpanRule& rule, const IdTraces& id, bool self) const;
  std::vector<std::int64_t> layer_widths() const { return layers_.widths(); }

 private:
  // One model's part of a batch, with its columns of `values`: apart from the other models'.
  void add_model(std::size_t model, const std::vector<MatrixXd>& features,
                 std::span<const std::int64_t> labels, const IdTraces* id, MatrixXd& values);
  std::vector<Span> spans(const SpanRule& rule) const;
  SetFeatures features_of(std::size_t model, const Span& span, const IdTraces& id, bool self) const;
  SetMovement movement_of(std::size_t after, const std::vector<Span>& spans, const IdTraces& id,
                          bool self) const;
  void compare_means(SetMovement& moved, std::size_t after, const IdTraces& id, bool self) const;

  const std::vector<DiagnosedModel>& models_;
  std::string name_;
  std::int64_t rows_ = 0;
  std::vector<FeatureMoments> moments_;  // one a model
  std::vector<Movement> movements_;      // one an AFTER
  std::vector<Counts> right_, nearest_;  // one a model
  std::vector<Counts> on_before_;        // one an AFTER
  LayerStudy layers_;
  // Channels: a model's right answers, then the distances of every AFTER.
  StreamingBootstrap bootstrap_;
};

// The features of every model, n x d. Throws RunError naming model, set, row (from `first_row` on)
// and feature of what is not finite.
std::vector<MatrixXd> checked_features(const std::vector<DiagnosedModel>& models,
                                       const std::string& set, const PairedFeatures& rows,
                                       std::int64_t first_row);

}  // namespace stockpot::diagnose
