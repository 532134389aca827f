// The features of a labelled set of images, as a safetensors file with `x` (rows x dimensions,
// F32) and `y` (I64): what run_probe.py fits probes on.
//   features_of MODEL_FOLDER SOURCE OUTPUT
#include <ATen/core/Tensor.h>

#include <iostream>

#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/model/runtime.h"

namespace stockpot {
namespace {

void write_features(const fs::path& model_folder, const fs::path& source, const fs::path& output) {
  set_torch_threads(machine_cores());
  keep_freed_memory();
  Classifier model = Classifier::load(ModelFolder::open(model_folder));
  DataSpec spec;
  spec.sources.emplace_back();
  spec.sources.back().path = source;
  const ImageDataset set = ImageDataset::load(spec, {});
  const at::Tensor x = extract_features(model, set);
  std::vector<std::int64_t> y;
  for (std::int64_t i = 0; i < set.size(); ++i) y.push_back(set.label(i));
  const TensorView tensors[] = {
      {"x",
       Dtype::f32,
       {x.size(0), x.size(1)},
       std::as_bytes(std::span(x.data_ptr<float>(), static_cast<std::size_t>(x.numel())))},
      {"y", Dtype::i64, {set.size()}, std::as_bytes(std::span(y))}};
  write_safetensors(output, tensors);
}

}  // namespace
}  // namespace stockpot

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: features_of MODEL_FOLDER SOURCE OUTPUT\n";
    return 2;
  }
  stockpot::write_features(arguments[1], arguments[2], arguments[3]);
}
