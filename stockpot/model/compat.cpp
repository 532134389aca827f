// ATen's header on autocast includes all of ATen, which the rooms with tensors forbid
// themselves. Nothing else does, so only this file pays for it.
#undef TORCH_ASSERT_ONLY_METHOD_OPERATORS
#include "stockpot/model/compat.h"

#include <ATen/autocast_mode.h>

#include <cmath>

#define STOCKPOT_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||           \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

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

at::Tensor product_in_float(const at::Tensor& a, const at::Tensor& b) {
#if STOCKPOT_TORCH_AT_LEAST(2, 8)
  if (a.is_cuda()) return at::mm(a, b, at::kFloat);
#endif
  return at::mm(a.to(at::kFloat), b.to(at::kFloat));
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

}  // namespace stockpot
