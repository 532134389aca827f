#include "stockpot/checkpoint/describe.h"

#include <algorithm>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/architecture.h"
#include "stockpot/checkpoint/config_formats.h"

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
  return row(tensor.dtype).floating && !tensor.name.ends_with("running_mean") &&
         !tensor.name.ends_with("running_var");
}

Json tensor_list(const Checkpoint& weights) {
  Json::Array list;
  for (const TensorView& tensor : weights.tensors()) {
    Json shape = Json::array();
    for (const std::int64_t size : tensor.shape) shape.push(size);
    list.push_back(Json::object({{"name", tensor.name},
                                 {"dtype", row(tensor.dtype).safetensors},
                                 {"shape", std::move(shape)},
                                 {"bytes", std::uint64_t{tensor.bytes.size()}}}));
  }
  return Json(std::move(list));
}

}  // namespace

Json describe(const fs::path& path) {
  const Checkpoint weights = Checkpoint::open(path);
  std::map<std::string, std::int64_t> dtypes;
  std::int64_t parameters = 0;
  for (const TensorView& tensor : weights.tensors()) {
    ++dtypes[std::string(row(tensor.dtype).safetensors)];
    if (is_parameter(tensor)) parameters += element_count(tensor.shape);
  }
  Json files = Json::array(), metadata = Json::object(), counts = Json::object();
  Json notes = Json::array();
  for (const fs::path& file : weights.files()) files.push(file.native());
  for (const auto& [key, value] : weights.metadata()) metadata.set(key, value);
  for (const auto& [dtype, count] : dtypes) counts.set(dtype, count);
  for (const std::string& note : weights.notes()) notes.push(note);

  std::error_code ignored;
  const bool folder = fs::is_directory(path, ignored);
  const bool sharded = path.filename().string().ends_with(".index.json");
  Json description = Json::object({
      {"schema_version", 1},
      {"path", path.native()},
      {"kind", folder    ? "folder"
               : sharded ? "sharded"
                         : "file"},
      {"files", std::move(files)},
      {"tensor_count", static_cast<std::int64_t>(weights.tensors().size())},
      {"parameters", parameters},
      {"bytes", weights.bytes()},
      {"dtypes", std::move(counts)},
      {"metadata", std::move(metadata)},
      {"notes", nullptr},
      {"model", nullptr},
  });
  if (folder && fs::exists(path / kConfigFile, ignored)) add_model(path, description, notes);
  description.set("notes", std::move(notes));
  description.set("tensors", tensor_list(weights));
  return description;
}

}  // namespace stockpot
