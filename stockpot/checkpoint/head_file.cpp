#include "stockpot/checkpoint/head_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/message.h"

namespace stockpot {
namespace {

constexpr const char* kClasses = "classes";

Checkpoint open_head(const HeadFile& from) {
  return Checkpoint::open(from.file, {.lone_tensor = true});
}

Json identity_of(const HeadFile& from, const Checkpoint& file) {
  Json hashes = Json::array();
  for (const fs::path& part : file.files()) hashes.push(sha256_of_file(part));
  Json identity = Json::object({{"sha256", hashes}});
  if (!from.classes.empty()) identity.set("classes_sha256", sha256_of_file(from.classes));
  if (!from.weight.empty()) identity.set("weight", from.weight);
  if (!from.bias.empty()) identity.set("bias", from.bias);
  if (!from.rows.empty()) identity.set("rows", from.rows);
  if (from.scale != 1) identity.set("scale", from.scale);
  return identity;
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what;
}

const TensorView& matrix_of(const HeadFile& from, const Checkpoint& file) {
  if (!from.weight.empty()) return file.at(from.weight);
  std::vector<std::string> matrices;
  for (const TensorView& tensor : file.tensors())
    if (tensor.shape.size() == 2 && row(tensor.dtype).floating) matrices.push_back(tensor.name);
  if (matrices.size() == 1) return file.at(matrices.front());
  if (matrices.empty())
    throw FormatError(from.file,
                      "no floating-point matrix in it; a head is one of classes x features");
  throw FormatError(from.file, counted(matrices.size(), "matrices in it (") + some_of(matrices) +
                                   "): say which one is the head, by the key weight");
}

const TensorView* bias_of(const HeadFile& from, const Checkpoint& file, const TensorView& matrix) {
  if (!from.bias.empty()) return &file.at(from.bias);
  const std::string ending = "weight";
  if (!matrix.name.ends_with(ending)) return nullptr;
  return file.find(matrix.name.substr(0, matrix.name.size() - ending.size()) + "bias");
}

// Finite values of a tensor of this shape.
std::vector<float> values_of(const TensorView& tensor, const fs::path& file) {
  const std::string name = "tensor " + in_quotes(tensor.name);
  if (!row(tensor.dtype).floating || !has_numbers(tensor.dtype))
    throw FormatError(file, name + " is " + std::string(row(tensor.dtype).safetensors) +
                                "; a head has floating-point numbers");
  std::vector<float> values = float_values(tensor);
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad != values.end())
    throw FormatError(file, name + " has a value that is not finite, " + std::to_string(*bad) +
                                ", at element " + std::to_string(bad - values.begin()));
  return values;
}

// Whether the matrix has features as rows.
bool is_transposed(const HeadFile& from, const TensorView& matrix, std::int64_t classes,
                   std::int64_t features) {
  const Shape upright{classes, features}, transposed{features, classes};
  const bool either = from.rows.empty();
  const std::string found =
      "tensor " + in_quotes(matrix.name) + " is " + to_string(matrix.shape) + "; ";
  if (either && classes == features && matrix.shape == upright)
    throw FormatError(from.file, found +
                                     "with as many classes as features that can be read in two "
                                     "ways: say rows: classes or rows: features");
  if (from.rows != "features" && matrix.shape == upright) return false;
  if (from.rows != "classes" && matrix.shape == transposed) return true;
  throw FormatError(
      from.file, found + "the training set has " + std::to_string(classes) +
                     " classes and the model " + std::to_string(features) + " features: expected " +
                     (from.rows == "features" ? to_string(transposed) : to_string(upright)) +
                     (either ? " or " + to_string(transposed) : " with rows: " + from.rows));
}

std::vector<std::string> names_in(const Json& list, const fs::path& origin) {
  std::vector<std::string> names;
  if (list.is_array())
    for (const Json& item : list.items())
      if (item.is_string()) names.push_back(item.as_string());
  if (!list.is_array() || names.size() != list.items().size())
    throw FormatError(origin, "class names of a head should be a JSON list of texts");
  return names;
}

// Class names in the order of the file, and where they stand.
struct ClassNames {
  fs::path origin;
  std::vector<std::string> names;
};

std::optional<ClassNames> class_names(const HeadFile& from, const Checkpoint& file) {
  if (!from.classes.empty())
    return ClassNames{from.classes, names_in(Json::read(from.classes), from.classes)};
  const auto text = file.metadata().find(kClasses);
  if (text == file.metadata().end()) return std::nullopt;
  return ClassNames{from.file, names_in(Json::parse(text->second, from.file), from.file)};
}

// Where the file has each class.
std::vector<std::size_t> order_of(const std::optional<ClassNames>& given,
                                  const std::vector<std::string>& classes) {
  std::vector<std::size_t> order(classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!given) return order;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < given->names.size(); ++i)
    if (!places.emplace(given->names[i], i).second)
      throw FormatError(given->origin, "class " + in_quotes(given->names[i]) + " is named twice");
  if (given->names.size() != classes.size())
    throw FormatError(given->origin, counted(given->names.size(), "class names; ") +
                                         "the training set has " + std::to_string(classes.size()) +
                                         " classes");
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto place = places.find(classes[i]);
    if (place == places.end()) {
      missing.push_back(classes[i]);
      continue;
    }
    order[i] = place->second;
    places.erase(place);
  }
  if (missing.empty()) return order;
  std::vector<std::string> others;
  for (const auto& [name, place] : places) others.push_back(name);
  throw FormatError(given->origin, "class names " + some_of(others) +
                                       " are none of the training set, which has " +
                                       some_of(missing) + " in their place");
}

void scale_weights(const HeadFile& from, const TensorView& matrix, std::vector<float>& weight) {
  for (float& value : weight) {
    value = static_cast<float>(from.scale * static_cast<double>(value));
    if (!std::isfinite(value))
      throw FormatError(from.file, "tensor " + in_quotes(matrix.name) + " times " +
                                       shortest(from.scale) + " does not fit float32");
  }
}

// A scale that is stored beside the matrix is not applied: whether it is a logarithm is not
// written there.
void note_scale(const HeadFile& from, const Checkpoint& file, GivenHead& head) {
  if (from.scale != 1) return;
  for (const TensorView& tensor : file.tensors()) {
    if (!tensor.name.ends_with("logit_scale") || element_count(tensor.shape) != 1 ||
        !has_numbers(tensor.dtype))
      continue;
    const double value = float_values(tensor).front();
    head.notes.push_back("head: " + in_quotes(tensor.name) + " in " +
                         printable(from.file.filename().string()) + " (" + significant(value, 4) +
                         ") is not applied; where it is a logarithm, as CLIP's, scale: " +
                         significant(std::exp(value), 4) + " does it");
  }
}

}  // namespace

GivenHead read_head(const HeadFile& from, const std::vector<std::string>& classes,
                    std::int64_t features) {
  const Checkpoint file = open_head(from);
  const auto rows = static_cast<std::int64_t>(classes.size());
  const TensorView& matrix = matrix_of(from, file);
  const bool transposed = is_transposed(from, matrix, rows, features);
  const TensorView* bias = bias_of(from, file, matrix);
  if (bias && bias->shape != Shape{rows})
    throw FormatError(from.file, "tensor " + in_quotes(bias->name) + " is " +
                                     to_string(bias->shape) + "; the biases of " +
                                     std::to_string(rows) + " classes are expected to be " +
                                     to_string(Shape{rows}));
  const std::optional<ClassNames> names = class_names(from, file);
  const std::vector<std::size_t> order = order_of(names, classes);

  const std::vector<float> values = values_of(matrix, from.file);
  const std::vector<float> biases =
      bias ? values_of(*bias, from.file) : std::vector<float>(classes.size());
  GivenHead head;
  const auto columns = static_cast<std::size_t>(features);
  for (const std::size_t from_row : order) {
    for (std::size_t j = 0; j < columns; ++j)
      head.weight.push_back(
          values[transposed ? j * classes.size() + from_row : from_row * columns + j]);
    head.bias.push_back(biases[from_row]);
  }
  scale_weights(from, matrix, head.weight);
  head.identity = identity_of(from, file);
  head.description = printable(from.file.filename().string()) + ": " + in_quotes(matrix.name) +
                     (transposed ? ", transposed" : "") +
                     (from.scale != 1 ? ", times " + shortest(from.scale) : "") +
                     (bias ? ", biases " + in_quotes(bias->name) : ", no biases") +
                     (names ? ", classes by name" : ", classes by order");
  note_scale(from, file, head);
  return head;
}

Json head_identity(const HeadFile& from) { return identity_of(from, open_head(from)); }

}  // namespace stockpot
