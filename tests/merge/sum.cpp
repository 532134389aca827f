#include "stockpot/merge/sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "tests/merge/models.h"

namespace stockpot {
namespace {

constexpr Dtype kAveraged[] = {Dtype::f16, Dtype::bf16, Dtype::f32, Dtype::f64};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ModelSum, MeanIsTheArithmeticMeanRoundedOnce) {
  Models models;
  const ModelSum sum =
      sum_of({models.open(Dtype::f32, {1, 0.1f, 3e38}), models.open(Dtype::f32, {2, 0.2f, 3e38}),
              models.open(Dtype::f32, {4, 0.7f, 3e38})});
  const auto mean = values_of(sum.mean()[0]);
  EXPECT_EQ(mean[0], static_cast<float>(7.0 / 3));
  const double tenths =
      static_cast<double>(0.1f) + static_cast<double>(0.2f) + static_cast<double>(0.7f);
  EXPECT_EQ(mean[1], static_cast<float>(tenths / 3));
  EXPECT_EQ(mean[2], 3e38f);  // a float sum would overflow
}

TEST(ModelSum, DoesNotDependOnTheOrderOfModels) {
  for (const Dtype dtype : kAveraged) {
    Models folder;
    auto models = folder.fine_tuned(7, dtype);
    // Integers are kept from the first model: let it stay.
    const auto wanted = sum_of(models).mean();
    RandomStream random(3, Purpose::test);
    for (int round = 0; round < 5; ++round) {
      for (std::size_t i = models.size() - 1; i > 1; --i)
        std::swap(models[i], models[1 + random.below(i)]);
      EXPECT_TRUE(same_bytes(sum_of(models).mean(), wanted)) << row(dtype).safetensors;
    }
  }
}

TEST(ModelSum, MeanOfCopiesIsTheCopyBitForBit) {
  for (const Dtype dtype : kAveraged) {
    Models folder;
    std::vector<double> values{0.0, -0.0, 1, -1, 1.0 / 3, -1e-7, 5.9604644775390625e-8, 65504};
    RandomStream random(4, Purpose::test);
    for (int i = 0; i < 5000; ++i) values.push_back(random.normal());
    if (dtype == Dtype::f32 || dtype == Dtype::f64)
      values.insert(values.end(), {1e-45, 3.4e38, -1.2e-38});
    if (dtype == Dtype::f64) values.insert(values.end(), {1e-300, 1e300, 0x1.fffffffffffffp0});
    const Checkpoint model = folder.open(dtype, values);
    ModelSum sum;
    for (int k = 1; k <= 100; ++k) {
      if (k <= 10 || k == 99 || k == 100) {
        EXPECT_TRUE(same_bytes(sum.mean_with(model), copied(model)))
            << k << " " << row(dtype).safetensors;
      }
      sum.add(model);
    }
    EXPECT_TRUE(same_bytes(sum.mean(), copied(model))) << row(dtype).safetensors;
  }
}

TEST(ModelSum, RemovingAModelGivesTheSumWithoutItBitForBit) {
  for (const Dtype dtype : kAveraged) {
    Models folder;
    const auto models = folder.fine_tuned(6, dtype);
    ModelSum sum = sum_of(models);
    sum.remove(models[4]);
    sum.remove(models[2]);
    EXPECT_EQ(sum.count(), 4);
    EXPECT_TRUE(same_bytes(sum.mean(), sum_of({models[0], models[1], models[3], models[5]}).mean()))
        << row(dtype).safetensors;
    sum.add(models[2]);
    sum.add(models[4]);
    EXPECT_TRUE(same_bytes(sum.mean(), sum_of(models).mean()));
  }
}

TEST(ModelSum, StartsAnewAfterTheLastModelIsRemoved) {
  Models folder;
  const auto models = folder.fine_tuned(2, Dtype::f32);
  ModelSum sum = sum_of({models[0]});
  sum.remove(models[0]);
  sum.add(models[1]);
  EXPECT_TRUE(same_bytes(sum.mean(), copied(models[1])));
}

TEST(ModelSum, MeanWithEqualsAddingAndLeavesTheSumAlone) {
  for (const Dtype dtype : kAveraged) {
    Models folder;
    const auto models = folder.fine_tuned(3, dtype);
    const ModelSum two = sum_of({models[0], models[1]});
    const auto before = two.mean();
    EXPECT_TRUE(same_bytes(two.mean_with(models[2]), sum_of(models).mean()));
    EXPECT_TRUE(same_bytes(two.mean(), before));
    EXPECT_EQ(two.count(), 2);
    EXPECT_TRUE(same_bytes(ModelSum().mean_with(models[1]), copied(models[1])));
  }
}

TEST(ModelSum, KeepsIntegersOfTheFirstModel) {
  Models folder;
  const auto models = folder.fine_tuned(3, Dtype::f16);
  const auto mean = sum_of(models).mean();
  ASSERT_EQ(mean[1].name, "steps");
  EXPECT_EQ(mean[1].bytes, std::vector<std::byte>(8, std::byte{1}));
}

TEST(ModelSum, DoesNotDependOnTheNumberOfThreads) {
  Models folder;
  const auto models = folder.fine_tuned(4, Dtype::bf16, 300'000);
  const int usual = threads();
  set_threads(1);
  const auto wanted = sum_of(models).mean();
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    EXPECT_TRUE(same_bytes(sum_of(models).mean(), wanted)) << count;
  }
  set_threads(usual);
}

TEST(ModelSum, RefusesModelsThatDiffer) {
  Models folder;
  const std::vector<float> two{1, 2};
  const auto tensor = [&](const char* name, Dtype dtype, Shape shape) {
    return make_tensor(name, dtype, std::move(shape), two);
  };
  const Checkpoint good = folder.open({tensor("a", Dtype::f32, {2}), tensor("b", Dtype::f32, {2})});
  ModelSum sum = sum_of({good});
  const auto refusal = [&](const std::vector<OwnedTensor>& tensors) {
    const Checkpoint model = folder.open(tensors);
    const std::string message = message_of<FormatError>([&] { sum.add(model); });
    EXPECT_PRED2(contains, message, model.path().string() + ": tensor '");
    return message;
  };
  const std::string first = good.path().string();
  EXPECT_PRED2(contains, refusal({tensor("a", Dtype::f32, {2}), tensor("b", Dtype::f32, {1, 2})}),
               "'b' is F32 [1, 2], in " + first + " it is F32 [2]");
  EXPECT_PRED2(contains, refusal({tensor("a", Dtype::f16, {2}), tensor("b", Dtype::f32, {2})}),
               "'a' is F16 [2], in " + first + " it is F32 [2]");
  EXPECT_PRED2(contains, refusal({tensor("a", Dtype::f32, {2})}),
               "'b' of " + first + " is missing");
  EXPECT_PRED2(contains,
               refusal({tensor("a", Dtype::f32, {2}), tensor("b", Dtype::f32, {2}),
                        tensor("c", Dtype::f32, {2})}),
               "'c' is not in " + first);
  EXPECT_EQ(sum.count(), 1);
  EXPECT_TRUE(same_bytes(sum.mean(), copied(good)));
}

TEST(ModelSum, RefusesValuesThatAreNotFiniteAndNamesTheTensor) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Dtype dtype : kAveraged)
    for (const double bad : {std::nan(""), infinity, -infinity}) {
      Models folder;
      std::vector<double> values(10'000, 1);
      const Checkpoint good = folder.open(dtype, values);
      values[9'999] = bad;
      const Checkpoint model = folder.open(dtype, values);
      const std::string wanted =
          model.path().string() + ": holds values that are NaN or Inf, in tensor 'w' (1 of 10000)";
      ModelSum sum = sum_of({good});
      EXPECT_EQ(message_of<FormatError>([&] { sum.add(model); }), wanted);
      EXPECT_EQ(message_of<FormatError>([&] { sum.mean_with(model); }), wanted);
      EXPECT_EQ(message_of<FormatError>([&] { ModelSum().add(model); }), wanted);
      EXPECT_TRUE(same_bytes(sum.mean(), copied(good)));
    }
}

TEST(ModelSum, RefusesTypesThatCannotBeAveraged) {
  Models folder;
  const OwnedTensor codes{"w", Dtype::f8_e4m3, {4}, std::vector<std::byte>(4)};
  const Checkpoint model = folder.open({codes});
  EXPECT_PRED2(contains, message_of<FormatError>([&] { ModelSum().add(model); }),
               "tensor 'w' has the type F8_E4M3, which is not supported for averaging");
}

}  // namespace
}  // namespace stockpot
