#include "stockpot/pipeline/measure_distortion.h"

#include <algorithm>
#include <optional>
#include <span>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/feature_stream.h"

namespace stockpot {
namespace {

using namespace diagnose;

MatrixXd parameter_of(const Classifier& model, const std::string& name, std::int64_t columns) {
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name != name) continue;
    const at::Tensor value = parameter.value.detach().to(at::kCPU, at::kFloat).contiguous();
    return matrix_of({value.data_ptr<float>(), static_cast<std::size_t>(value.numel())}, columns);
  }
  throw FormatError(model.folder().path, "has no tensor " + name);
}

std::optional<double> statistics_change(const Classifier& before, const Classifier& after) {
  std::optional<double> most;
  for (const auto& [name, value] : after.buffers()) {
    if (!value.is_floating_point()) continue;  // counters of batches
    for (const auto& [other, first] : before.buffers())
      if (other == name && value.sizes() == first.sizes())
        most = std::max(most.value_or(0), value.sub(first).abs().max().item().toDouble());
  }
  return most;
}

DiagnosedModel diagnosed(const Classifier& model, const Classifier& before, const std::string& name,
                         const std::vector<std::string>& classes) {
  const ModelFolder& folder = model.folder();
  DiagnosedModel out;
  out.name = name;
  out.folder = folder.path.string();
  out.features = folder.feature_size;
  out.head.weight = parameter_of(model, folder.head_weight, folder.feature_size);
  out.head.bias = parameter_of(model, folder.head_bias, 1);
  out.judges = folder.labels == classes;
  out.statistics_change = statistics_change(before, model);
  return out;
}

PairedFeatures rows_of(const FeatureBatch& batch) {
  PairedFeatures rows{batch.labels, batch.features};
  for (const std::vector<LayerBatch>& model : batch.layers) {
    std::vector<LayerRows>& layers = rows.layers.emplace_back();
    for (const LayerBatch& layer : model) layers.push_back({layer.values, layer.width});
  }
  return rows;
}

// What is wanted of the models' predictions on one set.
class WantedPredictions {
 public:
  WantedPredictions(std::span<const Classifier> models, const DistortionRequest& request,
                    std::size_t set)
      : predictions_(models.size()) {
    if (!request.wants_predictions) return;
    for (std::size_t m = 0; m < models.size(); ++m)
      if (request.wants_predictions(m, set))
        predictions_[m] = without_logits(models[m], *request.sets[set].second, request.bf16);
  }

  std::vector<bool> by_model() const {
    std::vector<bool> wanted;
    for (const auto& one : predictions_) wanted.push_back(one.has_value());
    return wanted;
  }
  void add(const FeatureBatch& batch) {
    for (std::size_t m = 0; m < predictions_.size(); ++m)
      if (auto& one = predictions_[m])
        one->logits.insert(one->logits.end(), batch.logits[m].begin(), batch.logits[m].end());
  }
  void tell(const DistortionRequest& request, std::size_t set) {
    for (std::size_t m = 0; m < predictions_.size(); ++m)
      if (predictions_[m]) request.on_predictions(m, set, std::move(*predictions_[m]));
  }

 private:
  std::vector<std::optional<Predictions>> predictions_;  // by model
};

// Features of the ID set, which is judged by its own class means once these are known: while they
// are few they are kept, and no second pass is needed.
class KeptFeatures {
 public:
  explicit KeptFeatures(std::size_t most) : most_(most) {}
  void add(const FeatureBatch& batch) {
    for (const std::span<const float> features : batch.features) bytes_ += features.size_bytes();
    if (!all_kept()) return batches_.clear();
    Kept& kept = batches_.emplace_back();
    kept.labels.assign(batch.labels.begin(), batch.labels.end());
    for (const std::span<const float> features : batch.features)
      kept.features.emplace_back(features.begin(), features.end());
  }
  bool all_kept() const { return bytes_ <= most_; }
  void visit(const std::function<void(const PairedFeatures&)>& body) const {
    for (const Kept& kept : batches_)
      body({kept.labels, {kept.features.begin(), kept.features.end()}});
  }

 private:
  struct Kept {
    std::vector<std::int64_t> labels;
    std::vector<std::vector<float>> features;  // by model
  };
  const std::size_t most_;
  std::size_t bytes_ = 0;  // of all batches, kept or not
  std::vector<Kept> batches_;
};

}  // namespace

Distortion measure_distortion(std::vector<Classifier>& models, const DistortionRequest& request,
                              Progress& progress) {
  const std::vector<std::string>& classes = models[1].labels();
  std::vector<DiagnosedModel> heads;
  for (std::size_t m = 0; m < models.size(); ++m)
    heads.push_back(diagnosed(models[m], models[0], request.names[m], classes));
  DistortionStudy study(std::move(heads), classes, request.options);

  const auto pass = [&](const std::string& name, const ImageDataset& set, const std::string& what,
                        const StreamedParts& parts, const auto& visit) {
    EvalOptions how;
    how.bf16 = request.bf16;
    how.on_batch = [&](std::int64_t done, std::int64_t total) {
      progress.status(what + " on " + printable(name) + ": " + grouped(done) + "/" +
                      grouped(total));
    };
    stream_features(models, set, how, visit, parts);
  };
  for (std::size_t s = 0; s < request.sets.size(); ++s) {
    const auto& [name, set] = request.sets[s];
    WantedPredictions predictions(models, request, s);
    KeptFeatures kept(request.most_kept);
    const StreamedParts parts{request.layers, predictions.by_model()};
    pass(name, *set, "features", parts, [&](const FeatureBatch& batch) {
      predictions.add(batch);
      if (s == 0) kept.add(batch);
      study.add(name, rows_of(batch));
    });
    predictions.tell(request, s);
    study.finish_set(name);
    if (s > 0) continue;
    if (kept.all_kept())
      kept.visit([&](const PairedFeatures& rows) { study.add_id_again(rows); });
    else
      pass(name, *set, "nearest means", {},
           [&](const FeatureBatch& batch) { study.add_id_again(rows_of(batch)); });
  }
  return study.result();
}

}  // namespace stockpot
