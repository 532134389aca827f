// The classifiers of a probe's whole path: kept, so that sets which must not choose a penalty
// can be scored on every penalty after one was chosen.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "stockpot/metrics/accuracy.h"

namespace stockpot {

struct ProbeHeads {
  std::vector<double> c;  // increasing
  // For raw features, float32 on the CPU: penalties x classes x d, penalties x classes.
  at::Tensor weights, biases;
  std::vector<std::int64_t> present;  // classes that had training rows, increasing
};

// A safetensors file with `c` (F64), `weights` and `biases` (F32) and `present` (I64).
// Throws WriteError.
void write_probe_heads(const std::filesystem::path& file, const ProbeHeads& heads);
// Throws FormatError when the file holds something else.
ProbeHeads read_probe_heads(const std::filesystem::path& file);

// The accuracy of each head on a set, in the order of heads.c. features: n x d float32, on the
// CPU or a CUDA device, where the work is then done; labels: n int64 in 0..classes-1, or -1 for a
// class that the heads do not have: such rows are never right. `name` is the set's, for messages.
// Throws UsageError when no row is of a class that had training rows, or the shapes do not fit;
// RunError for a feature that is not finite.
std::vector<Accuracy> score_probe_heads(const ProbeHeads& heads, const std::string& name,
                                        const at::Tensor& features, const at::Tensor& labels);

}  // namespace stockpot
