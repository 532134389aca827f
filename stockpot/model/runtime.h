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

// Threads of one operator, in LibTorch and in OpenBLAS (which has a pool of its own).
void set_torch_threads(int count);

// Lets the allocator keep the memory that it was given back, in place of returning it to the
// system, which clears every page before it gives it out again: a training step would touch
// hundreds of megabytes of new pages, half its time. For programs that train or evaluate; the
// process keeps its largest size until it ends. Only glibc's allocator is told.
void keep_freed_memory();

// "cpu", "cuda" (the first one) or "cuda:1". Throws UsageError for any other text and for a
// device that this machine lacks, naming those it has.
at::Device parse_device(std::string_view text);

}  // namespace stockpot
