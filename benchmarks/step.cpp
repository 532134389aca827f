// One training step and one evaluation pass of a model on random images, on request: reads
// lines "train N", "eval N" or "sgemm N" and answers each with the seconds of N repetitions.
// run_step.py asks this program and peer_step.py in turn.
//   step_benchmark MODEL_FOLDER THREADS BATCH
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>

#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/model/classifier.h"
#include "stockpot/model/runtime.h"
#include "stockpot/train/loss.h"
#include "stockpot/train/optimizer.h"

namespace stockpot {
namespace {

// As fit() makes a step.
void train_step(Classifier& model, FlatOptimizer& optimizer, const at::Tensor& images,
                const at::Tensor& labels) {
  const at::Tensor logits = model.logits(images);
  const Loss loss = softmax_loss(logits.detach(), labels, 0);
  model.zero_gradients();
  logits.backward(loss.gradient);
  const at::Tensor norm = optimizer.gradient_norm();
  optimizer.step(3e-5, norm);
}

double seconds(int repetitions, const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run(const char* folder, int threads, std::int64_t batch) {
  set_threads(threads);
  set_torch_threads(threads);
  keep_freed_memory();
  Classifier model = Classifier::load(ModelFolder::open(folder));
  const auto classes = static_cast<std::int64_t>(model.labels().size());
  const at::Tensor images =
      at::randn({batch, 3, 64, 64}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor labels = at::randint(classes, {batch}, at::kLong);
  FlatOptimizer optimizer(model, {});
  std::string what;
  int repetitions = 0;
  while (std::cin >> what >> repetitions) {
    double spent = 0;
    if (what == "train") {
      model.train(BatchNorm::live);
      spent = seconds(repetitions, [&] { train_step(model, optimizer, images, labels); });
    } else if (what == "eval") {
      model.evaluate();
      const at::NoGradGuard no_grad;
      spent = seconds(repetitions, [&] { model.logits(images); });
    } else {
      const at::Tensor a = at::randn({1024, 1024});
      spent = seconds(repetitions, [&] { at::mm(a, a); });
    }
    std::cout << spent << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace stockpot

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: step_benchmark MODEL_FOLDER THREADS BATCH\n";
    return 2;
  }
  return stockpot::run(arguments[1], std::atoi(arguments[2]), std::atoll(arguments[3]));
}
