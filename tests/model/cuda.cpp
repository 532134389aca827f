// The same network on a GPU: runs where there is one.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "stockpot/model/runtime.h"
#include "support.h"

namespace stockpot::test {
namespace {

void expect_same_on_cuda(const std::string& name) {
  at::Device device = at::kCPU;
  try {
    device = parse_device("cuda");
  } catch (const UsageError&) {
    GTEST_SKIP() << "no CUDA device here";
  }
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

}  // namespace
}  // namespace stockpot::test
