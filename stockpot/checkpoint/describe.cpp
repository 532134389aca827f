#include "stockpot/checkpoint/describe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/architecture.h"
#include "stockpot/checkpoint/config_formats.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/describe_parts.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/checkpoint/weights_file.h"

namespace stockpot {
namespace {

Json to_json(const std::array<float, 3>& values) {
  Json list = Json::array();
  // By way of text: 0.485f prints as 0.485 and not as 0.48500001430511475.
  for (const float value : values) list.push(std::stod(fixed(value, 6)));
  return list;
}

Json describe_model(const ModelFolder& model) {
  constexpr const char* kInterpolations[] = {"nearest", "bilinear", "bicubic",
                                             "lanczos", "box",      "hamming"};
  const Preprocessing& images = model.preprocessing;
  const auto pair = [](std::int64_t height, std::int64_t width) {
    Json size = Json::array();
    size.push(height);
    size.push(width);
    return size;
  };
  Json labels = Json::array();
  for (const std::string& label : model.labels) labels.push(label);
  return Json::object({
      {"library", model.library},
      {"architecture", describe_architecture(model.architecture)},
      {"classes", static_cast<std::int64_t>(model.labels.size())},
      {"feature_size", model.feature_size},
      {"resize", images.resize_exact ? pair(images.resize_height, images.resize_width)
                                     : Json(images.resize_height)},
      {"crop", pair(images.crop_height, images.crop_width)},
      {"interpolation", kInterpolations[static_cast<int>(images.interpolation)]},
      {"mean", to_json(images.mean)},
      {"std", to_json(images.std)},
      {"labels", std::move(labels)},
  });
}

// Fills in the model, or the reason why the folder cannot be used as one.
void add_model(const fs::path& path, Json& description, Json& notes) {
  try {
    const ModelFolder model = ModelFolder::open(path);
    const auto ignored = open_weights(model).notes();
    for (const std::string& note : ignored) {
      const auto& known = notes.items();
      if (std::find(known.begin(), known.end(), Json(note)) == known.end()) notes.push(note);
    }
    description.set("model", describe_model(model));
    description.set("kind", "model_folder");
  } catch (const FormatError& error) {
    notes.push(std::string("not usable as a model: ") + error.what());
  }
}

// BatchNorm's running statistics are not trained.
bool is_parameter(const TensorView& tensor) {
  return row(tensor.dtype).floating && !is_running_mean(tensor.name) &&
         !is_running_variance(tensor.name);
}

Json tensor_list(const Checkpoint& weights,
                 const std::function<bool(std::string_view name)>& wanted) {
  Json::Array list;
  for (const TensorView& tensor : weights.tensors()) {
    if (wanted && !wanted(tensor.name)) continue;
    Json shape = Json::array();
    for (const std::int64_t size : tensor.shape) shape.push(size);
    // Not of the view: listed only, a tensor that would have to be copied has no bytes.
    const std::uint64_t bytes = byte_count(tensor.dtype, element_count(tensor.shape));
    list.push_back(Json::object({{"name", tensor.name},
                                 {"dtype", row(tensor.dtype).safetensors},
                                 {"shape", std::move(shape)},
                                 {"bytes", bytes}}));
  }
  return Json(std::move(list));
}

Json list_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push(text);
  return list;
}

// Numbers as they were written: 0.1 of a float is no 0.10000000149011612, and True no 1.
Json scalars_of(const Checkpoint& weights) {
  Json scalars = Json::object();
  for (const auto& [name, scalar] : weights.scalars()) {
    double number = 0;
    const char* end = scalar.text.data() + scalar.text.size();
    const auto parsed = std::from_chars(scalar.text.data(), end, number);
    const bool is_number = scalar.number && parsed.ec == std::errc() && parsed.ptr == end;
    const bool whole =
        is_number && scalar.text.find_first_not_of("-0123456789") == std::string::npos;
    scalars.set(name, !is_number                           ? Json(scalar.text)
                      : whole && std::abs(number) < 0x1p53 ? Json(static_cast<std::int64_t>(number))
                                                           : Json(number));
  }
  return scalars;
}

Json dropped_of(const Checkpoint& weights) {
  Json list = Json::array();
  for (const DroppedEntry& entry : weights.dropped())
    list.push(Json::object({{"name", entry.name}, {"what", entry.what}}));
  return list;
}

std::string_view name_of(CheckpointFormat format) {
  switch (format) {
    case CheckpointFormat::torch_zip:
      return "torch_zip";
    case CheckpointFormat::torch_legacy:
      return "torch_legacy";
    case CheckpointFormat::torchscript:
      return "torchscript";
    default:
      return "safetensors";
  }
}

// How many tensors have each type, and the elements that are trained.
std::pair<Json, std::int64_t> counts_of(const Checkpoint& weights) {
  std::map<std::string, std::int64_t> dtypes;
  std::int64_t parameters = 0;
  for (const TensorView& tensor : weights.tensors()) {
    ++dtypes[std::string(row(tensor.dtype).safetensors)];
    if (is_parameter(tensor)) parameters += element_count(tensor.shape);
  }
  Json counts = Json::object();
  for (const auto& [dtype, count] : dtypes) counts.set(dtype, count);
  return {std::move(counts), parameters};
}

}  // namespace

Json describe(const fs::path& path, const DescribeOptions& options) {
  std::error_code ignored;
  const bool folder = fs::is_directory(path, ignored);
  // One checkpoint in a folder is that folder's.
  if (folder && checkpoints_in(path).size() > 1) return describe_collection(path);
  OpenOptions open = options.open;
  open.data = options.hash;
  const Checkpoint weights = Checkpoint::open(path, open);
  auto [dtypes, parameters] = counts_of(weights);
  Json files = Json::array(), metadata = Json::object(), ties = Json::array();
  for (const fs::path& file : weights.files()) files.push(file.native());
  for (const auto& [key, value] : weights.metadata()) metadata.set(key, value);
  for (const std::vector<std::string>& group : weights.ties()) ties.push(list_of(group));
  Json notes = list_of(weights.notes());

  const bool sharded = path.filename().string().ends_with(".index.json");
  Json description = Json::object({
      {"schema_version", 1},
      {"path", path.native()},
      {"kind", folder    ? "folder"
               : sharded ? "sharded"
                         : "file"},
      {"format", name_of(weights.format())},
      {"files", std::move(files)},
      {"state_key", weights.state_key()},
      {"scalars", scalars_of(weights)},
      {"dropped", dropped_of(weights)},
      {"ties", std::move(ties)},
      {"pickle_globals", list_of(weights.pickle_globals())},
      {"tensor_count", static_cast<std::int64_t>(weights.tensors().size())},
      {"parameters", parameters},
      {"bytes", weights.bytes()},
      {"dtypes", std::move(dtypes)},
      {"metadata", std::move(metadata)},
      {"notes", nullptr},
      {"model", nullptr},
      {"hash", options.hash ? Json(content_hash(weights)) : Json(nullptr)},
  });
  if (folder && fs::exists(path / kConfigFile, ignored)) add_model(path, description, notes);
  description.set("notes", std::move(notes));
  description.set("tensors", tensor_list(weights, options.wanted));
  return description;
}

}  // namespace stockpot
