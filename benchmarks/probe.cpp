// Fits the probe's whole path and prints it as JSON, one line for each repetition: run_probe.py
// compares it with scikit-learn's.
//   probe_benchmark FEATURES THREADS REPETITIONS [DEVICE]
// FEATURES: a safetensors file with x, y, held_out_x and held_out_y (F32, I64).
#include "stockpot/train/probe.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

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

void run(const fs::path& path, int threads, int repetitions, at::Device device) {
  set_threads(threads);
  set_torch_threads(threads);
  keep_freed_memory();
  const SafetensorsFile file(path);
  const at::Tensor x = tensor_of(file, "x").to(device), y = tensor_of(file, "y").to(device);
  const at::Tensor held_out_x = tensor_of(file, "held_out_x").to(device),
                   held_out_y = tensor_of(file, "held_out_y").to(device);
  ProbeOptions options;
  options.c = logspace(-7, 2, 100);
  if (const char* t = std::getenv("TOL")) options.tolerance = std::atof(t);
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const ProbeResult result =
        fit_probe(x, y, held_out_x, held_out_y, y.max().item<std::int64_t>() + 1, options);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    Json path_json = Json::array();
    for (const ProbePoint& point : result.path)
      path_json.push(Json::object({{"c", point.c},
                                   {"objective", point.objective},
                                   {"iterations", point.iterations},
                                   {"converged", point.converged},
                                   {"held_out_correct", point.held_out.correct}}));
    std::cout << Json::object({{"seconds", spent.count()},
                               {"chosen", static_cast<std::int64_t>(result.chosen)},
                               {"path", path_json}})
                     .dump()
              << std::endl;
  }
}

}  // namespace
}  // namespace stockpot

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "usage: probe_benchmark FEATURES THREADS REPETITIONS [DEVICE]\n";
    return 2;
  }
  stockpot::run(arguments[1], std::atoi(arguments[2]), std::atoi(arguments[3]),
                stockpot::parse_device(count > 4 ? arguments[4] : "cpu"));
}
