// Features on disk, so that a model sees a set of images once: every penalty, recipe and report
// after that starts from its features.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "stockpot/base/json.h"
#include "stockpot/eval/evaluate.h"

namespace stockpot {

struct FeatureCache {
  std::filesystem::path folder{};  // "" = no cache; made when it is missing
  // Hears of files that were there but could not be used, and of files that could not be
  // written: a cache is never the reason for a failure.
  std::function<void(const std::string&)> notice = {};
};

// As extract_features(), from the cache when it has them. One file a model and set, named by
// its key: <folder>/features-<32 digits>.safetensors with the tensor `features` (rows x
// feature_size, F32) and, in its metadata, what the key was made of and a hash of the features.
// A file counts only when all of that agrees with what is wanted and with its own bytes;
// otherwise it is ignored, with a notice, and replaced. Files appear whole or not at all.
at::Tensor cached_features(Classifier& model, const ImageDataset& set, const EvalOptions& options,
                           const FeatureCache& cache);

// What features depend on: the weights of the backbone (by content), the model's configuration
// and preprocessing, the pixels of every row in their order (by content, so that a file that was
// moved or touched still counts, and one that was edited does not), the device and its
// precision, and the version of stockpot.
Json feature_key(const Classifier& model, const ImageDataset& set, const EvalOptions& options);

// Of the pixels of all rows in their order.
std::string pixels_hash(const ImageDataset& set);
// All of it, for such keys.
Json describe(const Preprocessing& preprocessing);
// Of a model: the content of its weights (content_hash), configuration and preprocessing.
std::string model_key(const ModelFolder& folder, const std::string& content);
std::string model_key(const ModelFolder& folder);  // reads the weights

// Where the features of this key would lie.
std::filesystem::path feature_file(const std::filesystem::path& folder, const Json& key);

}  // namespace stockpot
