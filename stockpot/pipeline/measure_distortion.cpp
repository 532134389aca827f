#include "stockpot/pipeline/measure_distortion.h"

#include <algorithm>
#include <optional>
#include <span>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/predict_many.h"

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

struct Study {
  std::vector<std::size_t> members;  // BEFORE, then its AFTERs
  DistortionStudy study;

  PairedFeatures rows_of(const FeatureBatch& batch) const {
    PairedFeatures rows{batch.labels, {}};
    for (const std::size_t m : members) {
      rows.features.push_back(batch.features[m]);
      if (batch.layers.empty()) continue;
      std::vector<LayerRows>& layers = rows.layers.emplace_back();
      for (const LayerBatch& layer : batch.layers[m]) layers.push_back({layer.values, layer.width});
    }
    return rows;
  }
};

std::vector<Study> studies_of(const std::vector<Classifier>& models,
                              std::span<const std::size_t> afters,
                              const DistortionRequest& request) {
  const std::vector<std::string>& classes = models[1].labels();
  const auto head_of = [&](std::size_t m) {
    return diagnosed(models[m], models[0], request.names[m], classes);
  };
  std::vector<Study> studies;
  std::size_t next = 1;
  for (const std::size_t count : afters) {
    std::vector<std::size_t> members{0};
    for (const std::size_t end = next + count; next < end; ++next) members.push_back(next);
    std::vector<DiagnosedModel> heads;
    for (const std::size_t m : members) heads.push_back(head_of(m));
    studies.push_back(
        {std::move(members), DistortionStudy(std::move(heads), classes, request.options)});
  }
  return studies;
}

std::vector<bool> wanted_predictions(const DistortionRequest& request, std::size_t models,
                                     std::size_t set) {
  std::vector<bool> wanted(models);
  if (request.wants_predictions)
    for (std::size_t m = 0; m < models; ++m) wanted[m] = request.wants_predictions(m, set);
  return wanted;
}

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
  void visit(const std::function<void(const FeatureBatch&)>& body) const {
    for (const Kept& kept : batches_)
      body({kept.labels, {kept.features.begin(), kept.features.end()}, {}, {}});
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

std::vector<Distortion> measure_distortions(std::vector<Classifier>& models,
                                            std::span<const std::size_t> afters,
                                            const DistortionRequest& request, Progress& progress) {
  std::vector<Study> studies = studies_of(models, afters, request);
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
    const StreamedParts parts{.layers = request.layers,
                              .logits = wanted_predictions(request, models.size(), s)};
    StreamedPredictions predictions(models, *set, request.bf16, parts.logits);
    KeptFeatures kept(request.most_kept);
    pass(name, *set, "features", parts, [&](const FeatureBatch& batch) {
      predictions.add(batch);
      if (s == 0) kept.add(batch);
      for (Study& one : studies) one.study.add(name, one.rows_of(batch));
    });
    std::vector<std::optional<Predictions>> told = predictions.take();
    for (std::size_t m = 0; m < told.size(); ++m)
      if (told[m]) request.on_predictions(m, s, std::move(*told[m]));
    for (Study& one : studies) one.study.finish_set(name);
    if (s > 0) continue;
    const auto add_id_again = [&](const FeatureBatch& batch) {
      for (Study& one : studies) one.study.add_id_again(one.rows_of(batch));
    };
    if (kept.all_kept())
      kept.visit(add_id_again);
    else
      pass(name, *set, "nearest means", {}, add_id_again);
  }
  std::vector<Distortion> results;
  for (const Study& one : studies) results.push_back(one.study.result());
  return results;
}

Distortion measure_distortion(std::vector<Classifier>& models, const DistortionRequest& request,
                              Progress& progress) {
  const std::size_t afters[] = {models.size() - 1};
  return std::move(measure_distortions(models, afters, request, progress).front());
}

}  // namespace stockpot
