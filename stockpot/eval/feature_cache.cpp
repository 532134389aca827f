#include "stockpot/eval/feature_cache.h"

#include <ATen/ops/from_blob.h>

#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

// Raise it when a change of the code changes features.
constexpr std::int64_t kVersionOfFeatures = 1;

std::string hash_of(std::string_view text) {
  return hash_bytes(std::as_bytes(std::span(text))).hex();
}

std::string backbone_hash(const Classifier& model) {
  std::vector<HashedTensor> hashes;
  for (const OwnedTensor& tensor : model.state())
    if (tensor.name != model.folder().head_weight && tensor.name != model.folder().head_bias)
      hashes.push_back(hash_tensor(tensor.view()));
  return model_hash(std::move(hashes));
}

TensorView view_of(const at::Tensor& features) {
  const auto count = static_cast<std::size_t>(features.numel());
  return {"features",
          Dtype::f32,
          {features.size(0), features.size(1)},
          std::as_bytes(std::span(features.data_ptr<float>(), count))};
}

void tell(const FeatureCache& cache, const std::string& text) {
  if (cache.notice) cache.notice(text);
}

// Throws FormatError saying what is wrong with the file.
at::Tensor read_features(const fs::path& path, const Json& key, Shape shape) {
  const SafetensorsFile file(path);
  const auto said = [&](const char* name) {
    const auto entry = file.metadata().find(name);
    return entry == file.metadata().end() ? std::string() : entry->second;
  };
  if (said("format") != "stockpot-features" || said("key") != key.dump())
    throw FormatError(path, "it says that it holds other features");
  const TensorView* features = file.find("features");
  if (!features || features->dtype != Dtype::f32 || features->shape != shape)
    throw FormatError(
        path, "there is no tensor 'features' of type F32 and shape " + to_string(shape) + " in it");
  if (said("hash") != hash_tensor(*features).hash.hex())
    throw FormatError(path, "the features are not those that were written: their hash differs");
  return at::from_blob(const_cast<std::byte*>(features->bytes.data()), shape, at::kFloat).clone();
}

std::optional<at::Tensor> find_features(const fs::path& path, const Json& key, Shape shape,
                                        const FeatureCache& cache) {
  std::error_code none;
  if (!fs::exists(path, none)) return {};
  try {
    return read_features(path, key, std::move(shape));
  } catch (const FormatError& error) {
    tell(cache, "cached features are ignored and made again: " + std::string(error.what()));
  }
  return {};
}

void keep_features(const fs::path& path, const Json& key, const at::Tensor& features,
                   const FeatureCache& cache) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (!error) remove_leftovers(path.parent_path());
  const TensorView view = view_of(features);
  try {
    write_safetensors(path, std::span(&view, 1),
                      {{"format", "stockpot-features"},
                       {"key", key.dump()},
                       {"hash", hash_tensor(view).hash.hex()}});
  } catch (const WriteError& failure) {
    tell(cache, "features are not cached: " + std::string(failure.what()));
  }
}

}  // namespace

std::string pixels_hash(const ImageDataset& set) {
  BlockHasher hasher;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::uint64_t hash = set.content_hash(i);
    hasher.add(std::as_bytes(std::span(&hash, 1)));
  }
  return hasher.take().hex();
}

Json describe(const Preprocessing& p) {
  Json mean = Json::array(), std = Json::array();
  for (const float value : p.mean) mean.push(static_cast<double>(value));
  for (const float value : p.std) std.push(static_cast<double>(value));
  Json description = Json::object({{"resize_exact", p.resize_exact},
                                   {"resize_height", p.resize_height},
                                   {"resize_width", p.resize_width},
                                   {"crop_height", p.crop_height},
                                   {"crop_width", p.crop_width},
                                   {"interpolation", static_cast<int>(p.interpolation)},
                                   {"mean", mean},
                                   {"std", std}});
  // Only where it holds: the keys of what is stored already do not change.
  if (p.crop_rounds_down) description.set("crop_rounds_down", true);
  return description;
}

std::string model_key(const ModelFolder& folder, const std::string& content) {
  return sha256(content + folder.config.dump() + describe(folder.preprocessing).dump());
}

std::string model_key(const ModelFolder& folder) {
  return model_key(folder, content_hash(open_weights(folder)));
}

Json feature_key(const Classifier& model, const ImageDataset& set, const EvalOptions& options) {
  return Json::object({{"stockpot", kVersion},
                       {"version", kVersionOfFeatures},
                       {"backbone", backbone_hash(model)},
                       {"config", hash_of(model.folder().config.dump())},
                       {"preprocessing", describe(model.folder().preprocessing)},
                       {"rows", set.size()},
                       {"pixels", pixels_hash(set)},
                       {"device", model.device().is_cuda() ? "cuda" : "cpu"},
                       {"bf16", options.bf16 && model.device().is_cuda()}});
}

fs::path feature_file(const fs::path& folder, const Json& key) {
  return folder / ("features-" + hash_of(key.dump()) + ".safetensors");
}

at::Tensor cached_features(Classifier& model, const ImageDataset& set, const EvalOptions& options,
                           const FeatureCache& cache) {
  if (cache.folder.empty()) return extract_features(model, set, options);
  const Json key = feature_key(model, set, options);
  const fs::path path = feature_file(cache.folder, key);
  if (auto found = find_features(path, key, {set.size(), model.folder().feature_size}, cache))
    return *found;
  const at::Tensor features = extract_features(model, set, options).contiguous();
  keep_features(path, key, features, cache);
  return features;
}

}  // namespace stockpot
