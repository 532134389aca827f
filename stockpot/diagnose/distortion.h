// Feature distortion, measured: how training moved the features of pictures in and out of
// distribution, and what that did to spans, classes and the head (Kumar, Raghunathan, Jones, Ma,
// Liang: "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR
// 2022). Features come in batches; memory is a few d x d matrices a model, however many pictures.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/diagnose/bootstrap.h"
#include "stockpot/diagnose/heads.h"
#include "stockpot/diagnose/subspace.h"

namespace stockpot::diagnose {

// A model of the comparison. The first one is BEFORE, the others each an AFTER.
struct DiagnosedModel {
  std::string name;    // short, for tables; unique
  std::string folder;  // where it came from
  std::int64_t features = 0;
  Head head;
  bool judges = true;  // its head is over the classes of the sets; AFTER models always are
  // Largest absolute change of BatchNorm's running statistics since BEFORE; nothing without any.
  std::optional<double> statistics_change = {};
};

struct DistortionOptions {
  SpanRule span = {};
  std::uint64_t seed = 0;  // of the bootstrap
};

// A span against that of the same model on ID, or of BEFORE on the same set.
struct SpanRelation {
  double mean_cosine = 1, smallest_cosine = 1, largest_degrees = 0;
};

// One model on one set.
struct SetFeatures {
  double mean_norm = 0, pair_distance = 0;  // see FeatureMoments
  Eigen::Index rank = 0;                    // of its span
  std::optional<double> separation;         // between / within; see Separation
  Counts nearest_mean;                      // by the means of the model's ID features
  std::optional<Counts> accuracy;           // of its head, when it judges these classes
  PercentileInterval accuracy_interval;
  // Against ID, for OOD sets.
  std::optional<SpanRelation> to_id;
  double share_in_id_span = 1;  // of the set's variance
  double mean_shift = 0;        // ||mean - ID mean|| / pair distance on ID
};

// From BEFORE to one AFTER on one set. Distances are Euclidean.
struct SetMovement {
  double mean = 0, median = 0, root_mean_square = 0;
  PercentileInterval mean_interval;
  double over_norm = 0;      // mean / mean norm before
  double over_spread = 0;    // mean / pair distance before
  double per_dimension = 0;  // root mean square / sqrt(d)
  double cka = 0;
  SpanRelation spans;       // before and after, on this set
  double inside = 0;        // share of the squared movement in the span of BEFORE's ID features
  double common_share = 0;  // of the squared movement that is one shift of all pictures
  // The head of AFTER on the features of BEFORE: what is lost when features had not moved.
  Counts head_on_before;
  // ID mean over this set's mean, for OOD sets where something moved: the paper predicts > 1.
  std::optional<double> id_ratio;
  PercentileInterval id_ratio_interval;
  // AFTER's accuracy less BEFORE's, when both judge: paired over the pictures.
  std::optional<double> gain;
  PercentileInterval gain_interval;
  // The mean over that of the first AFTER, for the other ones, where that moved: paired.
  std::optional<double> to_first;
  PercentileInterval to_first_interval;
};

// From BEFORE to one AFTER on one set at one layer: what the features of LayerRows did.
struct LayerMovement {
  double mean = 0, over_norm = 0, over_spread = 0;  // as in SetMovement
  double cka = 0;                                   // 1 where a layer does not vary at all
};

struct DistortionSet {
  std::string name;
  std::int64_t rows = 0, classes = 0;                   // classes that have rows
  std::vector<SetFeatures> models;                      // as Distortion::models
  std::vector<SetMovement> movements;                   // one an AFTER
  std::vector<std::vector<LayerMovement>> layers = {};  // by AFTER and layer, when measured
};

struct DistortionHead {
  double norm = 0;                   // Frobenius, without the bias
  std::optional<HeadChange> change;  // from BEFORE's, when that judges the same classes
};

struct Distortion {
  SpanRule span;
  std::uint64_t seed = 0;
  std::int64_t features = 0, classes = 0;
  std::vector<std::string> models, folders, class_names;
  std::vector<std::optional<double>> statistics_changes;  // one a model
  std::vector<DistortionHead> heads;                      // one a model
  Eigen::Index id_rank = 0;  // of BEFORE's ID span, and the share of variance it holds
  double id_share = 0;
  std::vector<DistortionSet> sets;         // the first is ID
  std::vector<std::int64_t> layer_widths;  // of stem, block 1, block 2, ...; empty: not measured

  const std::string& before() const { return models.front(); }
  std::size_t afters() const { return models.size() - 1; }
};

// What stem or a block give for every picture of a batch: n x width.
struct LayerRows {
  std::span<const float> values;
  std::int64_t width = 0;
};

// One batch: the same pictures through every model.
struct PairedFeatures {
  std::span<const std::int64_t> labels;          // n indices of classes
  std::vector<std::span<const float>> features;  // one a model, n x d
  // By model and layer, of equal widths in all models; empty: layers are not measured.
  std::vector<std::vector<LayerRows>> layers = {};
};

// Takes the sets one after another, ID first, and ID once more: its class means have to be known
// before its pictures can be judged by them.
class DistortionStudy {
 public:
  // Throws FormatError when models have different numbers of features, UsageError when there are
  // fewer than two models, fewer than two classes or a rule of spans out of range.
  DistortionStudy(std::vector<DiagnosedModel> models, std::vector<std::string> classes,
                  const DistortionOptions& options);
  DistortionStudy(DistortionStudy&&) noexcept;
  ~DistortionStudy();

  // Throws RunError naming model, set, row and feature when a feature is not finite.
  void add(const std::string& set, const PairedFeatures& rows);
  // Ends a set. Throws UsageError when it has fewer than two pictures, or is ID and has one class
  // only; RunError when the features of a model do not vary.
  void finish_set(const std::string& set);
  // The pictures of ID again, in any order, after finish_set() of ID and before other sets.
  void add_id_again(const PairedFeatures& rows);

  Distortion result() const;  // after the last finish_set()

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockpot::diagnose
