// blend_benchmark THREADS STEPS MAPPED MODEL...: mixes the models and takes the inner products with
// a gradient, as a step of `soup learned` does; MAPPED bytes of files stay mapped. Prints a line of
// JSON: seconds of each step and the peak of the resident memory in MB, mapped pages included.
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "stockpot/base/json.h"
#include "stockpot/base/threads.h"
#include "stockpot/blend/coefficients.h"
#include "stockpot/blend/ingredients.h"
#include "stockpot/blend/optimizers.h"
#include "stockpot/checkpoint/checkpoint.h"

using namespace stockpot;

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  set_threads(std::atoi(argv[1]));
  const int steps = std::atoi(argv[2]);
  std::vector<Checkpoint> models;
  for (int i = 4; i < argc; ++i) models.push_back(Checkpoint::open(argv[i]));

  std::vector<std::string> names;
  std::vector<BlendTensor> tensors;
  for (const TensorView& view : models.front().tensors()) {
    if (!row(view.dtype).floating) continue;
    names.push_back(view.name);
    tensors.push_back({.name = view.name, .models = {}});
    for (const Checkpoint& model : models) tensors.back().models.push_back(&model.at(view.name));
  }
  const RowsOfTensors rows = rows_of(names, Rows::tensor);
  std::vector<std::vector<float>> memory, gradient;
  std::vector<float*> values;
  std::vector<const float*> gradients;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    tensors[t].group = rows.row[t];
    const auto count = static_cast<std::size_t>(tensors[t].elements());
    values.push_back(memory.emplace_back(count).data());
    gradients.push_back(gradient.emplace_back(count, 1e-3f).data());
  }
  const Ingredients ingredients(tensors, rows.names.size(), std::stoull(argv[3]));
  Coefficients coefficients(Form::softmax, rows.names.size(), models.size(), false);
  FewAdam adam(coefficients.parameters().size());

  std::vector<double> seconds, processor;
  for (int step = 0; step < steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t used = std::clock();
    ingredients.mix(coefficients.alpha(), values);
    std::vector<double> parameters = coefficients.parameters();
    adam.step(coefficients.pull_back(ingredients.products(gradients), 0), 0.05, parameters);
    coefficients.set_parameters(parameters);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    processor.push_back(static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << Json::object(
                   {{"seconds", numbers_json(seconds)},
                    {"processor_seconds", numbers_json(processor)},
                    {"bytes_a_pass", ingredients.bytes()},
                    {"model_and_gradient_mb", 8e-6 * static_cast<double>(ingredients.elements())},
                    {"peak_mb", static_cast<double>(usage.ru_maxrss) * 1024e-6}})
                   .dump()
            << "\n";
}
