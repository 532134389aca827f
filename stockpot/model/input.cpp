#include "stockpot/model/input.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "stockpot/model/blocks.h"

namespace stockpot {
namespace {

// A byte has 256 values: a table of them costs less than the arithmetic, and rounds like it.
using Table = std::array<std::array<float, 256>, 3>;

Table normalisation_table(const Preprocessing& preprocessing) {
  Table table;
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (std::size_t value = 0; value < 256; ++value)
      table[channel][value] = (static_cast<float>(value) / 255.0f - preprocessing.mean[channel]) /
                              preprocessing.std[channel];
  return table;
}

at::Tensor input_on_cpu(std::span<const std::uint8_t> pixels, std::int64_t n, std::int64_t height,
                        std::int64_t width, const Preprocessing& preprocessing) {
  const Table table = normalisation_table(preprocessing);
  at::Tensor input =
      at::empty({n, 3, height, width}, at::kFloat, {}, {}, {}, at::MemoryFormat::ChannelsLast);
  const std::uint8_t* from = pixels.data();
  float* to = input.data_ptr<float>();
  for_ranges(n * height * width, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 3 * begin; i < 3 * end; i += 3) {
      to[i] = table[0][from[i]];
      to[i + 1] = table[1][from[i + 1]];
      to[i + 2] = table[2][from[i + 2]];
    }
  });
  return input;
}

at::Tensor input_on_device(std::span<const std::uint8_t> pixels, std::int64_t n,
                           std::int64_t height, std::int64_t width,
                           const Preprocessing& preprocessing, at::Device device) {
  // Page-locked memory is copied while the device computes the batch before. Filled by this thread
  // alone: LibTorch's would be woken for every batch, in between those that prepare the next ones.
  const at::Tensor bytes =
      at::empty({n, height, width, 3}, at::TensorOptions(at::kByte).pinned_memory(true));
  std::memcpy(bytes.data_ptr<std::uint8_t>(), pixels.data(), pixels.size());
  return normalised(bytes.to(device, /*non_blocking=*/true), preprocessing);
}

}  // namespace

at::Tensor normalised(const at::Tensor& bytes, const Preprocessing& preprocessing) {
  at::Tensor input = bytes.permute({0, 3, 1, 2}).to(at::kFloat);
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    const double mean = preprocessing.mean[static_cast<std::size_t>(channel)];
    const double deviation = preprocessing.std[static_cast<std::size_t>(channel)];
    input.select(1, channel).sub_(255 * mean).mul_(1 / (255 * deviation));
  }
  return input;
}

at::Tensor to_input(std::span<const std::uint8_t> pixels, std::int64_t n, std::int64_t height,
                    std::int64_t width, const Preprocessing& preprocessing, at::Device device) {
  assert(static_cast<std::int64_t>(pixels.size()) == n * height * width * 3);
  return device.is_cpu() ? input_on_cpu(pixels, n, height, width, preprocessing)
                         : input_on_device(pixels, n, height, width, preprocessing, device);
}

int loader_threads(std::optional<int> wanted, at::Device device) {
  constexpr int kMost = 16;
  if (wanted) return *wanted;
  return device.is_cuda() ? std::clamp(at::get_num_threads(), 1, kMost) : 1;
}

}  // namespace stockpot
