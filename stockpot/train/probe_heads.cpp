#include "stockpot/train/probe_heads.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/model/tensor_io.h"
#include "stockpot/train/feature_statistics.h"
#include "stockpot/train/probe_checks.h"

namespace stockpot {
namespace {

// Heads that are scored in one call: their coefficients are copied as float64.
constexpr std::int64_t kSome = 16;

template <typename T>
TensorView list_view(const char* name, Dtype dtype, const std::vector<T>& values) {
  return {
      name, dtype, {static_cast<std::int64_t>(values.size())}, std::as_bytes(std::span(values))};
}

const TensorView& need(const SafetensorsFile& file, const char* name, Dtype dtype,
                       std::size_t dimensions) {
  const TensorView* view = file.find(name);
  if (!view || view->dtype != dtype || view->shape.size() != dimensions)
    throw FormatError(file.path(), "no tensor '" + std::string(name) +
                                       "' of the type and rank that the heads of a linear probe "
                                       "have");
  return *view;
}

template <typename T>
std::vector<T> list_of(const TensorView& view) {
  std::vector<T> values(static_cast<std::size_t>(view.shape[0]));
  std::copy_n(view.bytes.data(), view.bytes.size(), reinterpret_cast<std::byte*>(values.data()));
  return values;
}

at::Tensor tensor_of(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, at::kFloat);
  copy_values(view, tensor);
  return tensor;
}

Coefficients coefficients_of(const ProbeHeads& heads, std::int64_t index) {
  const at::Tensor weight = heads.weights[index].contiguous(), bias = heads.biases[index];
  const float* first = weight.data_ptr<float>();
  Coefficients x(first, first + weight.numel());
  for (std::int64_t j = 0; j < bias.numel(); ++j)
    x.push_back(static_cast<double>(bias.data_ptr<float>()[j]));
  return x;
}

}  // namespace

void write_probe_heads(const std::filesystem::path& file, const ProbeHeads& heads) {
  const OwnedTensor weights = to_owned("weights", heads.weights),
                    biases = to_owned("biases", heads.biases);
  const TensorView tensors[] = {list_view("c", Dtype::f64, heads.c), weights.view(), biases.view(),
                                list_view("present", Dtype::i64, heads.present)};
  write_safetensors(file, tensors, {{"format", "stockpot-probe-path"}});
}

ProbeHeads read_probe_heads(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  ProbeHeads heads{list_of<double>(need(file, "c", Dtype::f64, 1)),
                   tensor_of(need(file, "weights", Dtype::f32, 3)),
                   tensor_of(need(file, "biases", Dtype::f32, 2)),
                   list_of<std::int64_t>(need(file, "present", Dtype::i64, 1))};
  const auto count = static_cast<std::int64_t>(heads.c.size());
  const std::int64_t classes = heads.weights.size(1);
  const bool known = std::all_of(heads.present.begin(), heads.present.end(),
                                 [&](std::int64_t j) { return j >= 0 && j < classes; });
  if (heads.weights.size(0) != count || heads.biases.size(0) != count ||
      heads.biases.size(1) != classes || !known)
    throw FormatError(path, "the tensors of the linear probe's heads do not fit together");
  return heads;
}

std::vector<Accuracy> score_probe_heads(const ProbeHeads& heads, const std::string& name,
                                        const at::Tensor& features, const at::Tensor& labels) {
  const std::int64_t classes = heads.weights.size(1), d = heads.weights.size(2);
  const std::string quoted = "'" + printable(name) + "'";
  const at::Tensor on_cpu = labels.cpu().contiguous();
  check_set(quoted, features, on_cpu, d, -1, classes);
  const auto* label = on_cpu.data_ptr<std::int64_t>();
  if (std::none_of(label, label + on_cpu.size(0), [&](std::int64_t one) {
        return std::binary_search(heads.present.begin(), heads.present.end(), one);
      }))
    throw UsageError("the " + quoted + " set has no class in common with the training set");
  feature_statistics(quoted, features);

  const Normalisation none{std::vector<double>(static_cast<std::size_t>(d), 0.0),
                           std::vector<double>(static_cast<std::size_t>(d), 1.0)};
  const auto rows = make_feature_rows(features, none, on_cpu, classes, Precision::float32);
  std::vector<Accuracy> scores;
  const auto count = static_cast<std::int64_t>(heads.c.size());
  for (std::int64_t begin = 0; begin < count; begin += kSome) {
    std::vector<Coefficients> some;
    for (std::int64_t i = begin; i < std::min(begin + kSome, count); ++i)
      some.push_back(coefficients_of(heads, i));
    std::vector<const Coefficients*> pointers;
    for (const Coefficients& one : some) pointers.push_back(&one);
    for (const std::int64_t correct : rows->count_correct(pointers))
      scores.push_back({correct, rows->rows()});
  }
  return scores;
}

}  // namespace stockpot
