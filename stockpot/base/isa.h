// Marks a kernel to be compiled several times, for AVX-512, AVX2 and the baseline; the
// loader picks one for the processor at hand. Callers see one ordinary function.
//
// A kernel file is compiled with -ffp-contract=off, so that every version rounds alike:
// with fused multiply-add, 5,711 of 1,048,576 floats of a 5-way average differed between
// versions. Helpers called by such a function must be inlined into it (static inline or
// always_inline in the same file); a lambda is compiled for the baseline only.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define STOCKPOT_PER_ISA \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define STOCKPOT_PER_ISA
#endif
