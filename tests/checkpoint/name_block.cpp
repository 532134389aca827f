#include "stockpot/checkpoint/name_block.h"

#include <gtest/gtest.h>

namespace stockpot {
namespace {

TEST(BlockOf, EndsAtTheLayerIndex) {
  EXPECT_EQ(block_of("vit.encoder.layer.3.output.dense.bias"), "vit.encoder.layer.3");
  EXPECT_EQ(block_of("layer1.0.downsample.0.weight"), "layer1.0");
  EXPECT_EQ(block_of("stages.0.blocks.1.conv_dw.weight"), "stages.0.blocks.1");
  EXPECT_EQ(block_of("blocks.0.1.conv.weight"), "blocks.0.1");
  EXPECT_EQ(block_of("encoder.block.0.layer.1.wi.weight"), "encoder.block.0");
}

TEST(BlockOf, IsTheModuleWithoutAnIndex) {
  EXPECT_EQ(block_of("vit.embeddings.patch_embeddings.projection.weight"), "vit.embeddings");
  EXPECT_EQ(block_of("fc.weight"), "fc");
  EXPECT_EQ(block_of("logit_scale"), "logit_scale");
}

TEST(NaturalLess, CountsNumbers) {
  EXPECT_TRUE(natural_less("layer.9.w", "layer.10.w"));
  EXPECT_FALSE(natural_less("layer.10.w", "layer.9.w"));
  EXPECT_TRUE(natural_less("a", "a.b"));
  EXPECT_FALSE(natural_less("a", "a"));
}

}  // namespace
}  // namespace stockpot
