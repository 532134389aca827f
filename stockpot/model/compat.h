// What differs between LibTorch 1.13 (Debian 12) and 2.x: the only place with #if on versions.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace stockpot {

inline constexpr const char* kTorchVersion = TORCH_VERSION;

// softmax(q k^T / sqrt(d)) v for q: N x heads x queries x d and k, v: N x heads x tokens x d.
// LibTorch 2 has it as one operator, which keeps the N x heads x queries x tokens
// probabilities out of memory.
at::Tensor scaled_dot_product(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// The products of bfloat16 matrices, n x l x m and n x m x k, added up and given in float32. On
// CUDA one operator since LibTorch 2.8; elsewhere by way of float32 copies.
at::Tensor batched_product_in_float(const at::Tensor& a, const at::Tensor& b);

// While it lives, matrix products and convolutions on CUDA run in bfloat16 (autocast); the
// weights and their gradients stay float32. Does nothing when not `enabled` or on the CPU.
class Autocast {
 public:
  Autocast(at::Device device, bool enabled);
  ~Autocast();
  Autocast(const Autocast&) = delete;

 private:
  bool active_, was_enabled_ = false;
  at::ScalarType old_type_{};
};

// Whether an Autocast of this thread is at work there.
bool rounds_to_bfloat16(at::Device device);

// AdamW's step by one kernel, which reads and writes every number once: on CUDA with LibTorch 2.1
// or newer. The learning rate is not 0, and steps counts this one.
struct AdamWStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  std::int64_t steps;
};
struct AdamWParts {  // of flat buffers, cut alike
  std::vector<at::Tensor> values, gradients, first, second;
};
bool has_fused_adamw(at::Device device);
void fused_adamw(const AdamWStep& step, const AdamWParts& parts);

// Work on a CUDA device that is recorded once and then started as a whole, by one call in place of
// one for every kernel: a small model's step takes the processor longer to launch than the device
// to compute. Recordings of one Memory may lie in each other's memory, so only one of them runs at
// a time, and its results are copied before another one runs.
class DeviceGraph {
 public:
  class Memory;

  // On CUDA with LibTorch 2.1 or newer.
  static bool possible(at::Device device);
  static std::shared_ptr<Memory> new_memory();

  explicit DeviceGraph(std::shared_ptr<Memory> memory);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;

  // Records what `work` does on this thread's current stream, which must not be the device's
  // default one; nothing is computed yet. The tensors it used and made have to stay where they
  // are. False when something in it cannot be recorded, such as reading a result.
  bool record(const std::function<void()>& work);
  // Starts it on the current stream.
  void start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// While it lives, this thread's work on a CUDA device goes to a stream that no other thread has, so
// that threads compute side by side and nothing of another one gets into a recording. All that was
// asked for before is finished at its beginning, all that was asked for since at its end. Does
// nothing on the CPU.
class OwnStream {
 public:
  explicit OwnStream(at::Device device);
  ~OwnStream();
  OwnStream(const OwnStream&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Threads that wait for this CUDA device sleep; otherwise they spin, which costs a core each. To be
// called before the process uses the device.
void sleep_while_waiting_for(at::Device device);

}  // namespace stockpot
