// Fits the probe's whole path on features and writes down what it found: run_probe.py compares it
// with scikit-learn's.
//   probe_benchmark FEATURES OUTPUT THREADS REPETITIONS [DEVICE]
// FEATURES: a safetensors file with x, y, held_out_x and held_out_y (F32, I64). OUTPUT: another
// with the classifiers of every penalty. Prints one line of JSON.
#include "stockpot/train/probe.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/model/runtime.h"

namespace stockpot {
namespace {

at::Tensor tensor_of(const SafetensorsFile& file, const char* name) {
  const TensorView* view = file.find(name);
  if (!view) throw FormatError(file.path(), std::string("no tensor '") + name + "'");
  return at::from_blob(const_cast<std::byte*>(view->bytes.data()), view->shape,
                       view->dtype == Dtype::f32 ? at::kFloat : at::kLong)
      .clone();
}

Json summary(const ProbeResult& result, const Json& seconds, const Json& cpu_seconds) {
  Json path = Json::array();
  for (const ProbePoint& point : result.path)
    path.push(Json::object({{"c", point.c},
                            {"objective", point.objective},
                            {"iterations", point.iterations},
                            {"converged", point.converged},
                            {"held_out_correct", point.held_out.correct}}));
  return Json::object({{"seconds", seconds},
                       {"cpu_seconds", cpu_seconds},
                       {"chosen", static_cast<std::int64_t>(result.chosen)},
                       {"evaluations", result.evaluations},
                       {"path", path}});
}

void run(const fs::path& features, const fs::path& output, int threads, int repetitions,
         at::Device device) {
  set_threads(threads);
  set_torch_threads(threads);
  keep_freed_memory();
  const SafetensorsFile file(features);
  const at::Tensor x = tensor_of(file, "x").to(device), y = tensor_of(file, "y");
  const at::Tensor held_out_x = tensor_of(file, "held_out_x").to(device),
                   held_out_y = tensor_of(file, "held_out_y");
  const std::int64_t classes = y.max().item<std::int64_t>() + 1;
  ProbeOptions options;
  options.c = logspace(-7, 2, 100);
  Json seconds = Json::array(), cpu_seconds = Json::array();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu = std::clock();
    fit_probe(x, y, held_out_x, held_out_y, classes, options);
    seconds.push(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    cpu_seconds.push(static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
  }
  options.keep_all = true;
  const ProbeResult result = fit_probe(x, y, held_out_x, held_out_y, classes, options);
  write_probe_heads(output, result.heads);
  std::cout << summary(result, seconds, cpu_seconds).dump() << std::endl;
}

}  // namespace
}  // namespace stockpot

int main(int count, char** arguments) {
  if (count < 5) {
    std::cerr << "usage: probe_benchmark FEATURES OUTPUT THREADS REPETITIONS [DEVICE]\n";
    return 2;
  }
  stockpot::run(arguments[1], arguments[2], std::atoi(arguments[3]), std::atoi(arguments[4]),
                stockpot::parse_device(count > 5 ? arguments[5] : "cpu"));
}
