#include "stockpot/model/parameters.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "support.h"

namespace stockpot {
namespace {

const char* const kFixtures[] = {"vit-patch16", "resnet50"};

struct Trained {
  explicit Trained(const std::string& name)
      : folder(test::fixture(name)),
        reference(folder / "reference.safetensors"),
        images(test::fixture_images(reference)),
        labels(test::longs(test::find(reference, "labels"))) {}

  at::Tensor loss(const Classifier& model) const {
    return at::cross_entropy_loss(model.logits(images), labels);
  }

  fs::path folder;
  SafetensorsFile reference;
  at::Tensor images, labels;
};

// Every parameter and gradient is a view of the flat buffers, which they fill without gaps.
void expect_views(const Classifier& model) {
  const at::Tensor values = model.flat_values(), gradients = model.flat_gradients();
  std::int64_t offset = 0;
  for (const Parameter& parameter : model.parameters()) {
    EXPECT_EQ(parameter.offset, offset) << parameter.name;
    EXPECT_EQ(parameter.value.data_ptr<float>(), values.data_ptr<float>() + offset);
    EXPECT_EQ(parameter.value.grad().data_ptr<float>(), gradients.data_ptr<float>() + offset);
    EXPECT_EQ(parameter.value.grad().strides(), parameter.value.strides());
    EXPECT_TRUE(parameter.value.is_leaf() && parameter.value.requires_grad());
    if (parameter.value.dim() == 4) {
      EXPECT_TRUE(parameter.value.is_contiguous(at::MemoryFormat::ChannelsLast));
    }
    offset += parameter.value.numel();
  }
  EXPECT_EQ(offset, values.numel());
  EXPECT_EQ(offset, gradients.numel());
}

TEST(FlatBuffers, AreWhatParametersAndGradientsView) {
  for (const char* name : kFixtures) {
    Classifier model = test::load(test::fixture(name));
    expect_views(model);
    expect_views(model.clone());
    model.load_state(model.state());
    expect_views(model);
    model.to(at::kCPU);
    model.reset_head({"a", "b", "c"}, 1);
    expect_views(model);
  }
}

TEST(FlatBuffers, HaveFourSegmentsWithTheHeadLast) {
  for (const char* name : kFixtures) {
    const Classifier model = test::load(test::fixture(name));
    std::vector<std::pair<bool, bool>> segments;
    for (const Parameter& parameter : model.parameters())
      if (segments.empty() || segments.back() != std::pair(parameter.head, parameter.decay))
        segments.emplace_back(parameter.head, parameter.decay);
    EXPECT_EQ(segments, (std::vector<std::pair<bool, bool>>{
                            {false, true}, {false, false}, {true, true}, {true, false}}));
  }
}

TEST(FlatBuffers, LeaveBiasesNormsTokenAndPositionsWithoutDecay) {
  std::set<std::string> decayed;
  const Classifier model = test::load(test::fixture("vit-patch16"));
  for (const Parameter& parameter : model.parameters())
    if (parameter.decay) decayed.insert(parameter.name);
  const std::string layer = "vit.encoder.layer.";
  std::set<std::string> expected{"classifier.weight",
                                 "vit.embeddings.patch_embeddings.projection.weight"};
  for (const char* i : {"0", "1"})
    for (const char* name :
         {".attention.attention.query", ".attention.attention.key", ".attention.attention.value",
          ".attention.output.dense", ".intermediate.dense", ".output.dense"})
      expected.insert(layer + i + name + ".weight");
  EXPECT_EQ(decayed, expected);
}

TEST(FlatBuffers, CollectTheGradientsInPlaceAndAddThemUp) {
  for (const char* name : kFixtures) {
    const Trained data(name);
    Classifier model = test::load(data.folder);
    const void* where = model.flat_gradients().data_ptr();
    data.loss(model).backward();
    expect_views(model);
    const at::Tensor once = model.flat_gradients().clone();
    EXPECT_GT(once.ne(0).sum().item<std::int64_t>(), once.numel() / 2);
    data.loss(model).backward();
    EXPECT_EQ(model.flat_gradients().data_ptr(), where);
    EXPECT_LT(test::largest_difference(model.flat_gradients(), once.mul(2)), 1e-5);
    model.zero_gradients();
    EXPECT_EQ(model.flat_gradients().abs().max().item<double>(), 0);
    data.loss(model).backward();
    EXPECT_LT(test::largest_difference(model.flat_gradients(), once), 1e-5);
  }
}

// Central differences along the gradient of each tensor: the slope there is its norm.
TEST(Gradients, EqualFiniteDifferences) {
  // ReLU has kinks within any step, so differences say less about a ResNet.
  const std::pair<const char*, double> models[] = {
      {"vit-patch16", 0.01}, {"vit-no-bias", 0.01}, {"resnet18", 0.1}};
  for (const auto& [name, tolerance] : models) {
    const Trained data(name);
    Classifier model = test::load(data.folder);
    data.loss(model).backward();
    const c10::NoGradGuard no_grad;
    for (const Parameter& parameter : model.parameters()) {
      const at::Tensor gradient = parameter.value.grad();
      const double norm = gradient.norm().item<double>();
      if (norm < 1e-3) continue;  // below what float32 differences resolve
      // The loss moves by 0.004 or less: more crosses kinks of ReLU, less drowns in rounding.
      const double step = std::min(3e-4, 0.002 / norm);
      const at::Tensor direction = gradient.div(norm), start = parameter.value.clone();
      parameter.value.add_(direction, step);
      const double above = data.loss(model).item<double>();
      parameter.value.copy_(start).sub_(direction, step);
      const double below = data.loss(model).item<double>();
      parameter.value.copy_(start);
      EXPECT_NEAR((above - below) / (2 * step), norm, tolerance * norm + 1e-3) << parameter.name;
    }
  }
}

TEST(TensorTable, StacksNeighboursWithoutCopying) {
  const TensorTable table({{.name = "q", .shape = {2, 3}, .fused = "qkv"},
                           {.name = "b", .shape = {4}, .role = Role::scalar},
                           {.name = "k", .shape = {1, 3}, .fused = "qkv"},
                           {.name = "head", .shape = {2, 2}, .head = true}},
                          at::kCPU);
  const c10::NoGradGuard no_grad;
  table.values().copy_(at::arange(17, at::kFloat));
  EXPECT_EQ(table["qkv"].sizes(), at::IntArrayRef({3, 3}));
  EXPECT_EQ(table["qkv"][2][0].item<float>(), 6);
  EXPECT_EQ(table["k"][0][0].item<float>(), 6);
  EXPECT_EQ(table["b"][0].item<float>(), 9);
  EXPECT_EQ(table["head"][0][0].item<float>(), 13);
  EXPECT_TRUE(table.contains("k"));
  EXPECT_FALSE(table.contains("v"));
  EXPECT_THROW(table["v"], std::logic_error);
  EXPECT_THROW(TensorTable({{.name = "q", .shape = {1}}, {.name = "q", .shape = {1}}}, at::kCPU),
               std::logic_error);
}

}  // namespace
}  // namespace stockpot
