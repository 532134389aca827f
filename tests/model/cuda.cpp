// The same network on a GPU: runs where there is one.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/network.h"
#include "stockpot/model/runtime.h"
#include "support.h"

namespace stockpot::test {
namespace {

std::optional<at::Device> cuda() {
  try {
    return parse_device("cuda");
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

void expect_same_on_cuda(const std::string& name) {
  const std::optional<at::Device> found = cuda();
  if (!found) GTEST_SKIP() << "no CUDA device here";
  const at::Device device = *found;
  // Convolutions use TF32 there unless told otherwise.
  at::globalContext().setAllowTF32CuDNN(false);
  Classifier model = load(fixture(name));
  const at::Tensor images =
      fixture_images(SafetensorsFile(fixture(name) / "reference.safetensors"));
  const at::Tensor expected = model.logits(images).detach();
  model.to(device);
  EXPECT_LT(largest_difference(model.logits(images.to(device)).detach().cpu(), expected), 1e-4);

  model.train(BatchNorm::live);
  model.logits(images.to(device)).square().sum().backward();
  const at::Tensor on_cuda = model.flat_gradients().cpu();
  model = load(fixture(name));
  model.train(BatchNorm::live);
  model.logits(images).square().sum().backward();
  const at::Tensor on_cpu = model.flat_gradients();
  EXPECT_LT((on_cuda - on_cpu).norm().item<double>(), 2e-3 * on_cpu.norm().item<double>());
}

TEST(Cuda, VitGivesTheLogitsAndGradientsOfTheCpu) { expect_same_on_cuda("vit-patch16"); }
TEST(Cuda, ResNetGivesTheLogitsAndGradientsOfTheCpu) { expect_same_on_cuda("resnet50"); }

// Gradients of a network with random weights in bfloat16.
at::Tensor gradients_of(const Network& network, const TensorTable& table, bool together,
                        const at::Tensor& images) {
  table.gradients().zero_();
  at::Tensor features;
  {
    const Autocast autocast(images.device(), true);
    EXPECT_TRUE(rounds_to_bfloat16(images.device()));
    Mode mode;
    mode.batch_statistics = true;
    features = network.features(together ? table.in_bfloat16() : table, images, mode);
  }
  features.to(at::kFloat).square().sum().backward();
  return table.gradients().cpu();
}

TEST(Cuda, WeightsRoundedTogetherAreThoseOfAutocast) {
  const std::optional<at::Device> device = cuda();
  if (!device) GTEST_SKIP() << "no CUDA device here";
  use_reproducible_kernels();
  for (const char* name : {"vit-patch16", "resnet50"}) {
    const ModelFolder folder = ModelFolder::open(fixture(name));
    const auto* vit = std::get_if<VitConfig>(&folder.architecture);
    const Network network =
        vit ? vit_network(*vit) : resnet_network(std::get<ResNetConfig>(folder.architecture));
    const TensorTable table(network.tensors, *device);
    table.values().normal_(0, 0.1);
    const at::Tensor images =
        fixture_images(SafetensorsFile(fixture(name) / "reference.safetensors")).to(*device);
    const at::Tensor each = gradients_of(network, table, false, images);
    EXPECT_GT(each.abs().max().item<double>(), 0) << name;
    EXPECT_TRUE(each.equal(gradients_of(network, table, true, images))) << name;
  }
}

}  // namespace
}  // namespace stockpot::test
