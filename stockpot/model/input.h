// From 8-bit pixels to the network's input.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>

#include "stockpot/checkpoint/model_folder.h"

namespace stockpot {

// (pixel / 255 - mean) / std of a batch of pictures. pixels: n x height x width x 3, RGB.
// Returns n x 3 x height x width, float32, on `device`, in channels_last memory order (the
// order of the pixels). On the CPU every value is what torchvision's ToTensor and Normalize
// give, bit for bit; on CUDA the bytes are uploaded and the arithmetic is done there.
at::Tensor to_input(std::span<const std::uint8_t> pixels, std::int64_t n, std::int64_t height,
                    std::int64_t width, const Preprocessing& preprocessing, at::Device device);

// The same of bytes that are on a CUDA device already: n x height x width x 3.
at::Tensor normalised(const at::Tensor& bytes, const Preprocessing& preprocessing);

// Threads that prepare pictures for one model: `wanted`, or as many as suit its device. A CPU
// computes with all of its cores; beside a GPU those of this thread's share of them (LibTorch's
// number of threads) have nothing else to do.
int loader_threads(std::optional<int> wanted, at::Device device);

}  // namespace stockpot
