// ATen's header on autocast includes all of ATen, which the rooms with tensors forbid
// themselves. Nothing else does, so only this file pays for it.
#undef TORCH_ASSERT_ONLY_METHOD_OPERATORS
#include "stockpot/model/compat.h"

#include <ATen/autocast_mode.h>

#include <cmath>
#include <mutex>

#define STOCKPOT_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||           \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

// STOCKPOT_CUDA: LibTorch was built with CUDA (cmake/Dependencies.cmake).
#ifdef STOCKPOT_CUDA
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <vector>
#endif
#if defined(STOCKPOT_CUDA) && STOCKPOT_TORCH_AT_LEAST(2, 1)
#define STOCKPOT_GRAPHS 1
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#endif

namespace stockpot {
namespace {

#if STOCKPOT_TORCH_AT_LEAST(2, 4)
bool enabled_now() { return at::autocast::is_autocast_enabled(at::kCUDA); }
void enable(bool on) { at::autocast::set_autocast_enabled(at::kCUDA, on); }
at::ScalarType type_now() { return at::autocast::get_autocast_dtype(at::kCUDA); }
void set_type(at::ScalarType type) { at::autocast::set_autocast_dtype(at::kCUDA, type); }
#else
bool enabled_now() { return at::autocast::is_enabled(); }
void enable(bool on) { at::autocast::set_enabled(on); }
at::ScalarType type_now() { return at::autocast::get_autocast_gpu_dtype(); }
void set_type(at::ScalarType type) { at::autocast::set_autocast_gpu_dtype(type); }
#endif

}  // namespace

at::Tensor scaled_dot_product(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
#if STOCKPOT_TORCH_AT_LEAST(2, 1)
  return at::scaled_dot_product_attention(q, k, v);
#else
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  return at::softmax(at::matmul(q * scale, k.transpose(-2, -1)), -1).matmul(v);
#endif
}

at::Tensor batched_product_in_float(const at::Tensor& a, const at::Tensor& b) {
#if STOCKPOT_TORCH_AT_LEAST(2, 8)
  if (a.is_cuda()) return at::bmm(a, b, at::kFloat);
#endif
  return at::bmm(a.to(at::kFloat), b.to(at::kFloat));
}

Autocast::Autocast(at::Device device, bool enabled) : active_(enabled && device.is_cuda()) {
  if (!active_) return;
  was_enabled_ = enabled_now();
  old_type_ = type_now();
  enable(true);
  set_type(at::kBFloat16);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!active_) return;
  // The cache holds bfloat16 copies of weights that the next step changes.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  enable(was_enabled_);
  set_type(old_type_);
}

bool rounds_to_bfloat16(at::Device device) { return device.is_cuda() && enabled_now(); }

#ifdef STOCKPOT_GRAPHS

bool has_fused_adamw(at::Device device) { return device.is_cuda(); }

void fused_adamw(const AdamWStep& step, const AdamWParts& parts) {
  const at::Tensor steps = at::full({}, static_cast<double>(step.steps), parts.values[0].options());
  at::_fused_adamw_(parts.values, parts.gradients, parts.first, parts.second, {},
                    std::vector<at::Tensor>(parts.values.size(), steps), step.learning_rate,
                    step.beta1, step.beta2, step.weight_decay, step.epsilon, /*amsgrad=*/false,
                    /*maximize=*/false);
}

namespace {

// LibTorch keeps lists of all recordings without a lock.
std::mutex& recording() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

class DeviceGraph::Memory {
 public:
  const at::cuda::MempoolId_t pool = at::cuda::graph_pool_handle();
};

struct DeviceGraph::Impl {
  std::shared_ptr<Memory> memory;
  at::cuda::CUDAGraph graph;
};

bool DeviceGraph::possible(at::Device device) { return device.is_cuda(); }

std::shared_ptr<DeviceGraph::Memory> DeviceGraph::new_memory() {
  const std::lock_guard lock(recording());
  return std::make_shared<Memory>();
}

DeviceGraph::DeviceGraph(std::shared_ptr<Memory> memory) {
  const std::lock_guard lock(recording());
  impl_ = std::make_unique<Impl>();
  impl_->memory = std::move(memory);
}

DeviceGraph::~DeviceGraph() {
  const std::lock_guard lock(recording());
  impl_.reset();
}

bool DeviceGraph::record(const std::function<void()>& work) {
  const std::lock_guard lock(recording());
  bool whole = true;
  try {
    // What other threads do meanwhile does not concern this recording.
    impl_->graph.capture_begin(impl_->memory->pool, cudaStreamCaptureModeThreadLocal);
    work();
  } catch (const std::exception&) {
    whole = false;
  }
  try {
    impl_->graph.capture_end();
  } catch (const c10::Error&) {
    whole = false;
  }
  return whole;
}

void DeviceGraph::start() { impl_->graph.replay(); }

#else

bool has_fused_adamw(at::Device) { return false; }
void fused_adamw(const AdamWStep&, const AdamWParts&) {}

class DeviceGraph::Memory {};
struct DeviceGraph::Impl {};
bool DeviceGraph::possible(at::Device) { return false; }
std::shared_ptr<DeviceGraph::Memory> DeviceGraph::new_memory() { return nullptr; }
DeviceGraph::DeviceGraph(std::shared_ptr<Memory>) {}
DeviceGraph::~DeviceGraph() = default;
bool DeviceGraph::record(const std::function<void()>&) { return false; }
void DeviceGraph::start() {}

#endif

#ifdef STOCKPOT_CUDA

namespace {

// LibTorch's pool gives one of 32 streams to many, in turn. These are kept for the next ones: the
// allocator keeps memory by stream.
class Streams {
 public:
  c10::cuda::CUDAStream take(c10::DeviceIndex device) {
    const std::lock_guard lock(mutex_);
    for (auto stream = free_.begin(); stream != free_.end(); ++stream)
      if (stream->device_index() == device) {
        const c10::cuda::CUDAStream found = *stream;
        free_.erase(stream);
        return found;
      }
    const c10::cuda::CUDAGuard guard(device);
    cudaStream_t made = nullptr;
    C10_CUDA_CHECK(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    return c10::cuda::getStreamFromExternal(made, device);
  }
  void give_back(const c10::cuda::CUDAStream& stream) {
    const std::lock_guard lock(mutex_);
    free_.push_back(stream);
  }

 private:
  std::mutex mutex_;
  std::vector<c10::cuda::CUDAStream> free_;
};

// Never destroyed: at the end of the process the driver may be gone before.
Streams& streams() {
  static Streams& all = *new Streams;
  return all;
}

}  // namespace

struct OwnStream::Impl {
  explicit Impl(c10::DeviceIndex index)
      : device(index), before(c10::cuda::getCurrentCUDAStream(index)), own(streams().take(index)) {}

  c10::cuda::CUDAGuard device;  // recordings are on the stream of the current one
  c10::cuda::CUDAStream before, own;
};

OwnStream::OwnStream(at::Device device) {
  if (!device.is_cuda()) return;
  impl_ = std::make_unique<Impl>(device.index());
  impl_->before.synchronize();
  c10::cuda::setCurrentCUDAStream(impl_->own);
}

OwnStream::~OwnStream() {
  if (!impl_) return;
  try {
    impl_->own.synchronize();
  } catch (const c10::Error&) {
    // The device has failed: the next operation on it says so.
  }
  c10::cuda::setCurrentCUDAStream(impl_->before);
  streams().give_back(impl_->own);
}

void sleep_while_waiting_for(at::Device device) {
  if (!device.is_cuda()) return;
  c10::cuda::set_device(device.index());
  // Where it cannot be set any more, threads spin.
  if (cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync) != cudaSuccess) cudaGetLastError();
}

#else

struct OwnStream::Impl {};
OwnStream::OwnStream(at::Device) {}
OwnStream::~OwnStream() = default;
void sleep_while_waiting_for(at::Device) {}

#endif

}  // namespace stockpot
