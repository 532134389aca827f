#include "stockpot/pipeline/measure_distortion.h"

#include <algorithm>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/feature_stream.h"

namespace stockpot {
namespace {

using namespace diagnose;

MatrixXd matrix_of(const Classifier& model, const std::string& name, std::int64_t rows,
                   std::int64_t columns) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name != name) continue;
    const at::Tensor value = parameter.value.detach().to(at::kCPU, at::kFloat).contiguous();
    return Eigen::Map<const RowMajor>(value.data_ptr<float>(), rows, columns).cast<double>();
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
  const auto rows = static_cast<std::int64_t>(folder.labels.size());
  DiagnosedModel out;
  out.name = name;
  out.folder = folder.path.string();
  out.features = folder.feature_size;
  out.head.weight = matrix_of(model, folder.head_weight, rows, folder.feature_size);
  out.head.bias = matrix_of(model, folder.head_bias, rows, 1);
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

}  // namespace

Distortion measure_distortion(std::vector<Classifier>& models, const DistortionRequest& request,
                              Progress& progress) {
  const std::vector<std::string>& classes = models[1].labels();
  std::vector<DiagnosedModel> heads;
  for (std::size_t m = 0; m < models.size(); ++m)
    heads.push_back(diagnosed(models[m], models[0], request.names[m], classes));
  DistortionStudy study(std::move(heads), classes, request.options);

  const auto pass = [&](const std::string& name, const ImageDataset& set, const std::string& what,
                        bool layers, const auto& visit) {
    EvalOptions how;
    how.bf16 = request.bf16;
    how.on_batch = [&](std::int64_t done, std::int64_t total) {
      progress.status(what + " on " + printable(name) + ": " + grouped(done) + "/" +
                      grouped(total));
    };
    stream_features(
        models, set, how, [&](const FeatureBatch& batch) { visit(rows_of(batch)); }, layers);
  };
  for (const auto& [name, set] : request.sets) {
    pass(name, *set, "features", request.layers,
         [&](const PairedFeatures& rows) { study.add(name, rows); });
    study.finish_set(name);
    if (set == request.sets.front().second)
      pass(name, *set, "nearest means", false,
           [&](const PairedFeatures& rows) { study.add_id_again(rows); });
  }
  return study.result();
}

}  // namespace stockpot
