// Included by a kernel file that may round a * b + c once: 1.4 times faster polynomials,
// twice as fast matrix products. cmake/Rooms.cmake compiles such files with
// -ffp-contract=fast. Their results differ in the last bits between processors with and
// without that instruction, though never between runs or numbers of threads; kernels whose
// results are compared across machines (averages of checkpoints) do not include it.
#pragma once
