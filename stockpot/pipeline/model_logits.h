// Logits of many models on many sets: one pass a model and set, kept in memory or in a folder
// that other commands read too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/pipeline/mixtures.h"

namespace stockpot {

struct LogitsOptions {
  at::Device device = at::kCPU;
  bool bf16 = false;
  std::int64_t batch_size = 256;
  // A logits store for each model and set: <folder>/<model>-<content>/<set>.safetensors, the
  // content being that of the model and of all sets. What is there is read instead of computed.
  // Empty: memory.
  fs::path folder = {};
};

class ModelLogits {
 public:
  // Model folders with the same class names, which every set has as its classes. Throws
  // FormatError naming the model that differs.
  ModelLogits(const std::vector<fs::path>& models, std::vector<NamedSet> sets,
              const LogitsOptions& options, Progress& progress);

  std::size_t models() const { return folders_.size(); }
  const std::vector<NamedSet>& sets() const { return sets_; }

  // Throws Interrupted, WriteError.
  Predictions on(std::size_t model, std::size_t set);

 private:
  fs::path file(std::size_t model, std::size_t set);
  const std::string& pictures();
  const std::string& model_content(std::size_t model);
  Predictions computed(std::size_t model, std::size_t set);

  std::vector<ModelFolder> folders_;
  std::vector<NamedSet> sets_;
  LogitsOptions options_;
  Progress& progress_;
  // Of each model: what logits depend on, and its name in the folder; "" before they are needed.
  std::vector<std::string> contents_, keys_;
  std::string pictures_;  // a hash of all sets' examples; "" before it is needed
  std::optional<Classifier> loaded_;
  std::size_t loaded_model_ = 0;
  std::map<std::pair<std::size_t, std::size_t>, Predictions> kept_;  // without a folder
};

}  // namespace stockpot
