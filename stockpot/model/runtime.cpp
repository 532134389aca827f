#include "stockpot/model/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <malloc.h>

#include <charconv>
#include <limits>
#include <mutex>

#include "stockpot/base/error.h"
#include "stockpot/model/compat.h"

namespace stockpot {
namespace {

// LibTorch leaves the choice of a BLAS to the system, so ask the loader which one it took.
enum class Blas { openblas, mkl, blis, atlas, reference, unknown };

template <typename Function>
Function loaded(const char* symbol) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
}

// The file that answers for `symbol` in this process, or "".
std::string file_of(const char* symbol) {
  Dl_info info{};
  void* address = dlsym(RTLD_DEFAULT, symbol);
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fname == nullptr) return "";
  return info.dli_fname;
}

Blas which_blas() {
  if (loaded<void*>("openblas_get_config") != nullptr) return Blas::openblas;
  // Linked into libtorch_cpu itself, MKL shows no symbols.
  if (at::globalContext().hasMKL()) return Blas::mkl;
  const std::string file = file_of("sgemm_");
  if (file.find("openblas") != std::string::npos) return Blas::openblas;
  if (file.find("mkl") != std::string::npos) return Blas::mkl;
  if (file.find("blis") != std::string::npos) return Blas::blis;
  if (file.find("atlas") != std::string::npos) return Blas::atlas;
  if (file.find("libblas") != std::string::npos) return Blas::reference;
  return Blas::unknown;
}

int cuda_devices() {
  if (!at::globalContext().hasCUDA()) return 0;
  return c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).deviceCount();
}

std::string present_devices() {
  std::string list = "cpu";
  for (int i = 0; i < cuda_devices(); ++i) list += ", cuda:" + std::to_string(i);
  return list;
}

}  // namespace

std::string torch_version() { return kTorchVersion; }

namespace {

std::string describe_blas() {
  switch (which_blas()) {
    case Blas::openblas:
      if (const auto config = loaded<char* (*)()>("openblas_get_config")) return config();
      return "OpenBLAS (" + file_of("sgemm_") + ")";
    case Blas::mkl:
      return "MKL";
    case Blas::blis:
      return "BLIS";
    case Blas::atlas:
      return "ATLAS";
    case Blas::reference:
      return "reference BLAS (" + file_of("sgemm_") + ")";
    case Blas::unknown:
      break;
  }
  return "unknown BLAS";
}

}  // namespace

std::string blas_description() {
  // Asked once: OpenBLAS writes its answer into one place for all threads.
  static const std::string description = describe_blas();
  return description;
}

bool blas_is_slow() { return which_blas() == Blas::reference; }

void set_torch_threads(int count) {
  static std::mutex mutex;  // of pools that all threads share
  const std::lock_guard lock(mutex);
  at::set_num_threads(count);
  if (const auto set = loaded<void (*)(int)>("openblas_set_num_threads")) set(count);
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);  // no mapping of its own for a large block
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void use_reproducible_kernels() { at::globalContext().setDeterministicCuDNN(true); }

at::Device parse_device(std::string_view text) {
  if (text == "cpu") return at::Device(at::kCPU);
  int index = 0;
  const std::string_view digits = text.starts_with("cuda:") ? text.substr(5) : "";
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  const bool numbered =
      !digits.empty() && error == std::errc() && index >= 0 && end == digits.data() + digits.size();
  if (text != "cuda" && !numbered)
    throw UsageError("unknown device '" + std::string(text) +
                     "': expected cpu, cuda or cuda:N; this machine has " + present_devices());
  if (index >= cuda_devices())
    throw UsageError("there is no device '" + std::string(text) + "': this machine has " +
                     present_devices() +
                     (cuda_devices() == 0 ? " (or LibTorch was built without CUDA)" : ""));
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

bool is_idle(at::Device device) {
  if (!device.is_cuda()) return true;
  const c10::impl::VirtualGuardImpl streams(device.type());
  return streams.queryStream(streams.getStream(device));
}

bool answers(at::Device device) {
  if (!device.is_cuda()) return true;
  try {
    const c10::impl::VirtualGuardImpl streams(device.type());
    streams.synchronizeStream(streams.getStream(device));
    return true;
  } catch (const c10::Error&) {
    return false;
  }
}

}  // namespace stockpot
