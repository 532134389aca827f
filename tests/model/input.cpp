#include "stockpot/model/input.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

namespace stockpot {
namespace {

TEST(ToInput, IsToTensorAndNormalize) {
  Preprocessing preprocessing;
  const std::int64_t n = 2, height = 16, width = 8;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(n * height * width * 3));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  const at::Tensor input = to_input(pixels, n, height, width, preprocessing, at::kCPU);
  ASSERT_EQ(input.sizes(), (at::IntArrayRef{n, 3, height, width}));
  EXPECT_TRUE(input.is_contiguous(at::MemoryFormat::ChannelsLast));

  // torchvision's arithmetic, by LibTorch's operators, bit for bit.
  const at::Tensor bytes = at::empty({n, height, width, 3}, at::kByte);
  std::copy(pixels.begin(), pixels.end(), bytes.data_ptr<std::uint8_t>());
  const at::Tensor expected = bytes.permute({0, 3, 1, 2}).to(at::kFloat).div(255);
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    expected.select(1, channel).sub_(preprocessing.mean[c]).div_(preprocessing.std[c]);
  }
  EXPECT_TRUE(input.equal(expected));
}

}  // namespace
}  // namespace stockpot
