// Runs a model over sets of images. One pass a model and set; everything that is reported
// comes from the logits it leaves.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/data/dataset.h"
#include "stockpot/metrics/predictions.h"
#include "stockpot/model/classifier.h"

namespace stockpot {

struct BatchPlan;

struct EvalOptions {
  std::int64_t batch_size = 256;
  std::optional<int> loader_threads = {};  // unset: what suits the device
  bool bf16 = false;                       // autocast, CUDA only
  std::function<void(std::int64_t done, std::int64_t total)> on_batch = {};
};

// How the pictures of a set reach a model on this device: in its order, each once.
BatchPlan plan_of(const EvalOptions& options, at::Device device);

// Predictions::arithmetic of a model on this device.
std::string arithmetic_of(at::Device device, bool bf16);

// Logits of every row, in the set's order. The model's labels must be the set's classes.
Predictions predict(Classifier& model, const ImageDataset& set, const EvalOptions& options = {});

// The same, to the bit, from what extract_features() gave for the set with the same options: a
// new head on a backbone that has seen the set already. features: set.size() x feature_size.
Predictions predict_from_features(Classifier& model, const ImageDataset& set,
                                  const at::Tensor& features, const EvalOptions& options = {});

// The same without the logits: what is known of the rows before the model has seen them.
Predictions without_logits(const Classifier& model, const ImageDataset& set, bool bf16);

// Features of every row: n x feature_size float32 on the CPU.
at::Tensor extract_features(Classifier& model, const ImageDataset& set,
                            const EvalOptions& options = {});

// The logits store: a safetensors file with `logits` (rows x classes, F32), `labels` (I64),
// `groups` (I64), `ids` (U8, newline-separated UTF-8); class and group names in the metadata, and
// `examples`, `model` and `arithmetic` where these are known.
void write_predictions(const fs::path& file, const Predictions& predictions);
Predictions read_predictions(const fs::path& file);

}  // namespace stockpot
