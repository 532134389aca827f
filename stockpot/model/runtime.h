// LibTorch on this machine: versions, the BLAS behind it, threads and devices.
#pragma once

#include <c10/core/Device.h>

#include <string>
#include <string_view>

namespace stockpot {

// "1.13.1", as the headers say that this program was built with.
std::string torch_version();

// The library behind matrix products on the CPU, for reports: "OpenBLAS 0.3.21 ...",
// "MKL", "reference BLAS (/usr/lib/.../libblas.so.3)" or "unknown BLAS".
std::string blas_description();
// True for the reference BLAS, which multiplies matrices about 24 times slower than OpenBLAS.
bool blas_is_slow();

// Threads of one operator, in LibTorch and in OpenBLAS (which has a pool of its own). LibTorch's
// number is that of the calling thread.
void set_torch_threads(int count);

// Lets the allocator keep the memory that it was given back, in place of returning it to the
// system, which clears every page before it gives it out again: a training step would touch
// hundreds of megabytes of new pages, half its time. For programs that train or evaluate; the
// process keeps its largest size until it ends. Only glibc's allocator is told.
void keep_freed_memory();

// Has cuDNN take kernels that give the same bits each time; without it the gradients of
// convolutions on CUDA differ from run to run.
void use_reproducible_kernels();

// "cpu", "cuda" (the first one) or "cuda:1". Throws UsageError for any other text and for a
// device that this machine lacks, naming those it has.
at::Device parse_device(std::string_view text);

// Whether all of this thread's work on the device is done; true on the CPU.
bool is_idle(at::Device device);

// False when the device has failed (an illegal access, a device that was lost): no operation of
// this process works on it any more, whatever it is tried with. A device without memory has not
// failed.
bool answers(at::Device device);

}  // namespace stockpot
