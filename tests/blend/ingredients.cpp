#include "stockpot/blend/ingredients.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "stockpot/base/random.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {
namespace {

// Models in memory: tensors "a" (some tiles long), "b" (small), "c" (a kernel, 3 x 2 x 2 x 5).
class Ingredient : public testing::Test {
 protected:
  static constexpr std::int64_t kLong = 70'001;

  void make(const std::vector<Dtype>& dtypes) {
    for (std::size_t model = 0; model < dtypes.size(); ++model) {
      RandomStream random(model, Purpose::test);
      const auto add = [&](const std::string& name, Shape shape) {
        OwnedTensor tensor{name, dtypes[model], shape, {}};
        std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
        for (double& value : values) value = random.normal();
        tensor.bytes.resize(byte_count(dtypes[model], element_count(shape)));
        write_values(values, dtypes[model], tensor.bytes);
        owned_.push_back(std::make_unique<OwnedTensor>(std::move(tensor)));
        views_.push_back(std::make_unique<TensorView>(owned_.back()->view()));
        return views_.back().get();
      };
      tensors_[0].models.push_back(add("a", {kLong}));
      tensors_[1].models.push_back(add("b", {3}));
      tensors_[2].models.push_back(add("c", {3, 2, 2, 5}));
    }
    tensors_[0].group = 1;
    tensors_[2].channels = 2;
    tensors_[2].pixels = 10;
  }

  double value(std::size_t tensor, std::size_t model, std::int64_t i) const {
    double result = 0;
    read_values(*tensors_[tensor].models[model], i, std::span(&result, 1));
    return result;
  }
  // Of an element of the kernel.
  static std::int64_t place(std::size_t tensor, std::int64_t i) {
    if (tensor != 2) return i;
    return i / 20 * 20 + i % 10 * 2 + i % 20 / 10;
  }

  std::vector<std::vector<float>> room() const {
    return {std::vector<float>(kLong), std::vector<float>(3), std::vector<float>(60)};
  }
  template <typename Float>
  static std::vector<Float*> pointers(std::vector<std::vector<float>>& memory) {
    return {memory[0].data(), memory[1].data(), memory[2].data()};
  }

  std::vector<std::unique_ptr<OwnedTensor>> owned_;
  std::vector<std::unique_ptr<TensorView>> views_;
  std::vector<BlendTensor> tensors_{
      {.name = "a", .models = {}}, {.name = "b", .models = {}}, {.name = "c", .models = {}}};
};

TEST_F(Ingredient, MixIsTheSumInDoublePrecisionRoundedOnceForEveryType) {
  for (const std::vector<Dtype>& dtypes :
       {std::vector{Dtype::f32, Dtype::f32, Dtype::f32, Dtype::f32, Dtype::f32},
        std::vector{Dtype::bf16, Dtype::bf16}, std::vector{Dtype::f16, Dtype::f16, Dtype::f16},
        std::vector{Dtype::f64, Dtype::f32, Dtype::bf16}}) {
    for (BlendTensor& tensor : tensors_) tensor.models.clear();
    make(dtypes);
    const Ingredients ingredients(tensors_, 2);
    const std::size_t k = dtypes.size();
    std::vector<double> weights(2 * k);
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::cos(static_cast<double>(i));
    std::vector<std::vector<float>> memory = room();
    ingredients.mix(weights, pointers<float>(memory));
    for (std::size_t t = 0; t < 3; ++t)
      for (std::int64_t i = 0; i < tensors_[t].elements(); i += t == 0 ? 97 : 1) {
        double sum = 0;
        for (std::size_t m = 0; m < k; ++m)
          sum += weights[tensors_[t].group * k + m] * value(t, m, i);
        ASSERT_EQ(memory[t][static_cast<std::size_t>(place(t, i))], static_cast<float>(sum))
            << t << " " << i;
      }
  }
}

TEST_F(Ingredient, ProductsAreThoseOfTheGradientSummedByGroup) {
  make({Dtype::f32, Dtype::bf16, Dtype::f32, Dtype::f64, Dtype::f32, Dtype::f16});
  const Ingredients ingredients(tensors_, 2);
  std::vector<std::vector<float>> memory = room();
  std::vector<double> wanted(12);
  for (std::size_t t = 0; t < 3; ++t)
    for (std::int64_t i = 0; i < tensors_[t].elements(); ++i) {
      const auto g = static_cast<float>(std::sin(static_cast<double>(i + 1)));
      memory[t][static_cast<std::size_t>(place(t, i))] = g;
      for (std::size_t m = 0; m < 6; ++m)
        wanted[tensors_[t].group * 6 + m] += static_cast<double>(g) * value(t, m, i);
    }
  const std::vector<double> found = ingredients.products(pointers<const float>(memory));
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-9);
}

TEST_F(Ingredient, ProductsHaveTheSameBitsForAnyNumberOfThreads) {
  make(std::vector<Dtype>(7, Dtype::f32));
  std::vector<std::vector<float>> memory = room();
  for (std::vector<float>& tensor : memory)
    for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = std::sin(static_cast<float>(i));
  const int before = threads();
  std::vector<std::vector<double>> found;
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    found.push_back(Ingredients(tensors_, 2).products(pointers<const float>(memory)));
  }
  set_threads(before);
  EXPECT_EQ(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

// In kB, of this process.
long status_of(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + ":")) return std::stol(line.substr(name.size() + 1));
  return 0;
}

TEST(Memory, IsThatOfOneModelWhateverTheNumberOfIngredients) {
  const TemporaryFolder folder;
  constexpr std::int64_t kLarge = 6'000'000, kSmall = 768;
  {
    const std::vector<float> large(kLarge, 1), small(kSmall, 2);
    std::vector<OwnedTensor> tensors{make_tensor("large", Dtype::f32, {kLarge}, large)};
    for (int i = 0; i < 40; ++i)
      tensors.push_back(make_tensor("small" + std::to_string(i), Dtype::f32, {kSmall}, small));
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    write_safetensors(folder.path() / "model.safetensors", views);
  }
  for (const std::size_t k : {4, 16, 72}) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::vector<Checkpoint> models;
      for (std::size_t i = 0; i < k; ++i)
        models.push_back(Checkpoint::open(folder.path() / "model.safetensors"));
      std::vector<BlendTensor> tensors;
      std::vector<std::vector<float>> memory;
      for (const TensorView& view : models.front().tensors()) {
        tensors.push_back({.name = view.name, .models = {}});
        for (const Checkpoint& model : models)
          tensors.back().models.push_back(&model.at(view.name));
        memory.emplace_back(static_cast<std::size_t>(element_count(view.shape)), 1.0f);
      }
      const Ingredients ingredients(tensors, 1);
      std::vector<float*> values;
      for (std::vector<float>& tensor : memory) values.push_back(tensor.data());
      const std::vector<const float*> gradients(values.begin(), values.end());
      const long before = status_of("VmRSS");
      const std::vector<double> weights(k, 1 / static_cast<double>(k));
      ingredients.mix(weights, values);
      const std::vector<double> products = ingredients.products(gradients);
      const long more = status_of("VmHWM") - before;
      // A stretch of some models, and what the kernel maps around the last page that was touched in
      // each file: 2 MB at most. The files of 72 models are 1.7 GB.
      const bool small = more < 16'000 + 2'048 * static_cast<long>(k);
      if (!small) std::fprintf(stderr, "%zu models: %ld kB more\n", k, more);
      _exit(small && products[0] > 0 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << k << " models";
  }
}

}  // namespace
}  // namespace stockpot
