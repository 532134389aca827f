#include "stockpot/merge/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/merge/average.h"
#include "stockpot/merge/linear.h"
#include "stockpot/merge/model_stock.h"
#include "tests/merge/models.h"

namespace stockpot {
namespace {

constexpr Dtype kAveraged[] = {Dtype::f16, Dtype::bf16, Dtype::f32, Dtype::f64};

class Silent : public Progress {
 public:
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

struct Merged {
  std::vector<OwnedTensor> tensors;
  MergeOutcome outcome;
};

Merged merge(const std::vector<Checkpoint>& models, MergeMethod& method,
             const MergeOptions& options = {}, const RunLimits& limits = {},
             const Checkpoint* base = nullptr) {
  const MergePlan plan = plan_merge(models, base, method.needs_base(), options);
  Merged merged;
  for (const PlannedTensor& tensor : plan.tensors)
    merged.tensors.push_back({tensor.output.name, tensor.output.dtype, tensor.output.shape,
                              std::vector<std::byte>(byte_count(
                                  tensor.output.dtype, element_count(tensor.output.shape)))});
  Silent progress;
  merged.outcome = run_merge(
      plan, method,
      [&](std::size_t tensor, std::uint64_t first, std::span<const std::byte> bytes) {
        std::ranges::copy(
            bytes, merged.tensors[tensor].bytes.begin() + static_cast<std::ptrdiff_t>(first));
      },
      limits, progress);
  return merged;
}

MergeOptions counters_of_first() {
  MergeOptions options;
  options.integers = IntegerPolicy::first;
  return options;
}

__extension__ typedef __float128 Quad;

// Sums that lose nothing, one division, rounded once to fp64 and once to the stored type; what
// is no floating-point tensor is the first model's.
std::vector<OwnedTensor> exact_mean(const std::vector<Checkpoint>& models) {
  std::vector<OwnedTensor> mean = copied(models.front());
  for (std::size_t t = 0; t < mean.size(); ++t) {
    if (mean[t].dtype == Dtype::i64) continue;
    std::vector<Quad> sum(static_cast<std::size_t>(element_count(mean[t].shape)));
    std::vector<double> values(sum.size());
    for (const Checkpoint& model : models) {
      read_values(model.tensors()[t], values);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
    }
    for (std::size_t i = 0; i < sum.size(); ++i)
      values[i] = static_cast<double>(sum[i] / static_cast<int>(models.size()));
    write_values(values, mean[t].dtype, mean[t].bytes);
  }
  return mean;
}

TEST(Average, IsTheExactMeanRoundedOnce) {
  for (const Dtype dtype : kAveraged) {
    Models files;
    // More than one block of the hash, and an odd end.
    const auto models = files.fine_tuned(5, dtype, 140'001);
    const auto average = average_method();
    EXPECT_TRUE(
        same_bytes(merge(models, *average, counters_of_first()).tensors, exact_mean(models)))
        << row(dtype).safetensors;
  }
}

TEST(Average, IsTheSameForAnyOrderThreadsAndMemory) {
  for (const std::vector<double>& weights :
       {std::vector<double>{}, std::vector<double>{0.1, 2, 0.7, 1}}) {
    Models files;
    auto models = files.fine_tuned(4, Dtype::f64, 70'000);
    MergeOptions options;
    options.integers = IntegerPolicy::max;
    options.weights = weights;
    const auto average = average_method();
    const Merged wanted = merge(models, *average, options);
    for (const int count : {1, 2, 7}) {
      set_threads(count);
      RunLimits limits;
      if (count == 2) limits.max_memory = 64'000'000;
      EXPECT_TRUE(same_bytes(merge(models, *average, options, limits).tensors, wanted.tensors));
    }
    set_threads(machine_cores());
    std::swap(models[0], models[2]);
    if (!weights.empty()) std::swap(options.weights[0], options.weights[2]);
    const Merged swapped = merge(models, *average, options);
    EXPECT_TRUE(same_bytes(swapped.tensors, wanted.tensors));
    EXPECT_EQ(swapped.outcome.output_hash, wanted.outcome.output_hash);
    EXPECT_EQ(swapped.outcome.model_hashes[0], wanted.outcome.model_hashes[2]);
  }
}

TEST(Average, OfCopiesIsTheCopyWhateverTheWeights) {
  for (const Dtype dtype : kAveraged) {
    Models files;
    const Checkpoint one = files.fine_tuned(1, dtype).front();
    const std::vector<Checkpoint> models(3, one);
    MergeOptions options;
    const auto average = average_method();
    EXPECT_TRUE(same_bytes(merge(models, *average, options).tensors, copied(one)));
    options.weights = {0.3, 1.1, 7};
    EXPECT_TRUE(same_bytes(merge(models, *average, options).tensors, copied(one)));
  }
}

TEST(Traps, D6_AWeightOfZeroIsAWeight) {
  Models files;
  const auto models = files.fine_tuned(2, Dtype::f32);
  MergeOptions options = counters_of_first();
  options.weights = {1, 0};
  const auto average = average_method();
  EXPECT_TRUE(same_bytes(merge(models, *average, options).tensors, copied(models[0])));
  options.weights = {1, -1};
  EXPECT_EQ(message_of<UsageError>([&] { merge(models, *average, options); }),
            "the weights of tensor 'b' sum to 0: a mean needs others");
}

TEST(Traps, D11_Bf16IsSummedInDoublePrecisionAndRoundedOnce) {
  Models files;
  const auto models = files.fine_tuned(7, Dtype::bf16);
  const auto average = average_method();
  const Merged merged = merge(models, *average, counters_of_first());
  for (const OwnedTensor& tensor : merged.tensors) {
    if (tensor.name != "w") continue;
    std::vector<double> sum(static_cast<std::size_t>(element_count(tensor.shape)));
    std::vector<double> values(sum.size());
    for (const Checkpoint& model : models) {
      read_values(model.at("w"), values);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
    }
    for (double& value : sum) value /= 7;
    std::vector<std::byte> wanted(tensor.bytes.size());
    write_values(sum, Dtype::bf16, wanted);
    EXPECT_EQ(tensor.bytes, wanted);
  }
}

TEST(Run, HashesAreThoseOfTheFiles) {
  Models files;
  const auto models = files.fine_tuned(3, Dtype::f32, 140'001);
  MergeOptions options = counters_of_first();
  options.groups = {parse_group("^b$=skip", 3)};  // hashed although it is not merged
  const auto average = average_method();
  const Merged merged = merge(models, *average, options);
  for (std::size_t i = 0; i < models.size(); ++i)
    EXPECT_EQ(merged.outcome.model_hashes[i], content_hash(models[i]));
  EXPECT_EQ(merged.outcome.output_hash, content_hash(files.open(merged.tensors)));
}

// What a method's first pass has read is not read again for its hash, nor for its values where
// their sums were kept: with the memory of one thread there is room for neither sums nor pages.
TEST(Run, AMethodOfTwoPassesIsTheSameForAnyOrderThreadsAndMemory) {
  for (const Dtype dtype : kAveraged) {
    Models files;
    auto models = files.fine_tuned(4, dtype, 140'001);
    const Checkpoint base = models.back();
    models.pop_back();
    const auto made = [&](int count, std::uint64_t memory) {
      set_threads(count);
      ModelStock method({});
      RunLimits limits;
      limits.max_memory = memory;
      Merged result = merge(models, method, counters_of_first(), limits, &base);
      set_threads(machine_cores());
      return result;
    };
    const Merged wanted = made(1, 0);
    EXPECT_EQ(wanted.outcome.base_hash, content_hash(base));
    for (std::size_t i = 0; i < models.size(); ++i)
      EXPECT_EQ(wanted.outcome.model_hashes[i], content_hash(models[i]));
    constexpr std::uint64_t kOneThread = 27'200'000;
    for (const int count : {1, 2, 7})
      for (const std::uint64_t memory : {std::uint64_t{0}, kOneThread, 2 * kOneThread}) {
        const Merged other = made(count, memory);
        EXPECT_TRUE(same_bytes(other.tensors, wanted.tensors));
        EXPECT_EQ(other.outcome.model_hashes, wanted.outcome.model_hashes);
      }
    std::swap(models[1], models[2]);
    EXPECT_EQ(values_of(made(2, 0).tensors.back()), values_of(wanted.tensors.back()));
  }
}

TEST(Run, F02_ValuesThatAreNotFiniteAreNamedUnlessAllowed) {
  Models files;
  std::vector<Checkpoint> models{files.open(Dtype::f32, {1, 2, 3}),
                                 files.open(Dtype::f32, {1, NAN, INFINITY})};
  const auto average = average_method();
  const std::string message = message_of<FormatError>([&] { merge(models, *average); });
  EXPECT_NE(message.find(models[1].path().string()), std::string::npos) << message;
  EXPECT_NE(message.find("tensor 'w' holds 2 values that are NaN or Inf, of 3"), std::string::npos)
      << message;
  RunLimits limits;
  limits.allow_nonfinite = true;
  const auto values = values_of(merge(models, *average, {}, limits).tensors[0]);
  EXPECT_EQ(values[0], 1);
  EXPECT_TRUE(std::isnan(values[1]));
}

TEST(Run, F04_AnOverflowOfTheOutputIsAnError) {
  Models files;
  const std::vector<Checkpoint> models{files.open(Dtype::f32, {70000, 1}),
                                       files.open(Dtype::f32, {80000, 1})};
  MergeOptions options;
  options.dtype = Dtype::f16;
  const auto average = average_method();
  EXPECT_EQ(message_of<FormatError>([&] { merge(models, *average, options); }),
            "tensor 'w': a merged value of 7.5e+04 does not fit the type F16 (wider: --dtype)");
}

TEST(Run, BatchNormVariancesFollowTheLawOfTotalVariance) {
  Models files;
  const auto model = [&](float mean, float variance) {
    const std::vector<float> means{mean}, variances{variance};
    return files.open({make_tensor("bn.running_mean", Dtype::f32, {1}, means),
                       make_tensor("bn.running_var", Dtype::f32, {1}, variances)});
  };
  const std::vector<Checkpoint> models{model(0, 1), model(2, 1)};
  const auto average = average_method();
  const auto statistics = [&](BatchNormPolicy policy) {
    MergeOptions options;
    options.batchnorm = policy;
    const Merged merged = merge(models, *average, options);
    return std::pair(values_of(merged.tensors[0])[0], values_of(merged.tensors[1])[0]);
  };
  EXPECT_EQ(statistics(BatchNormPolicy::variance), std::pair(1.0, 2.0));
  EXPECT_EQ(statistics(BatchNormPolicy::recompute), std::pair(1.0, 2.0));
  EXPECT_EQ(statistics(BatchNormPolicy::average), std::pair(1.0, 1.0));
  EXPECT_EQ(statistics(BatchNormPolicy::keep), std::pair(0.0, 1.0));
}

TEST(Run, MixedBatchNormStatisticsTakeTheWeightsOfTheOtherTensors) {
  Models files;
  const std::vector<float> low{0}, high{4};
  const std::vector<Checkpoint> models{
      files.open({make_tensor("bn.running_mean", Dtype::f32, {1}, low)}),
      files.open({make_tensor("bn.running_mean", Dtype::f32, {1}, high)})};
  const auto average = average_method();
  MergeOptions options;
  options.batchnorm = BatchNormPolicy::mixed;
  options.weights = {1, 3};
  EXPECT_EQ(values_of(merge(models, *average, options).tensors[0])[0], 3.0);
}

TEST(Run, LinearTakesWeightsThatAddUpToAnything) {
  Models files;
  const std::vector<Checkpoint> models{files.open(Dtype::f32, {1, 2}),
                                       files.open(Dtype::f32, {10, 30})};
  const auto linear = linear_method();
  MergeOptions options;
  options.weights = {2, -0.5};
  EXPECT_EQ(values_of(merge(models, *linear, options).tensors[0]), (std::vector<double>{-3, -11}));
  options.groups = {parse_group("w=1:0", 2)};
  EXPECT_EQ(values_of(merge(models, *linear, options).tensors[0]), (std::vector<double>{1, 2}));
}

TEST(Run, E07_TooLittleMemoryIsRefusedWithWhatIsNeeded) {
  Models files;
  const auto models = files.fine_tuned(3, Dtype::f32);
  RunLimits limits;
  limits.max_memory = 1'000'000;
  const auto average = average_method();
  const std::string message =
      message_of<UsageError>([&] { merge(models, *average, counters_of_first(), limits); });
  EXPECT_NE(message.find("--max-memory 1.00 MB is too little for 3 models: at least 26.6 MB"),
            std::string::npos)
      << message;
}

TEST(Interpolation, EndPointsAreTheModelsAndSharedValuesStay) {
  for (const Dtype dtype : kAveraged) {
    Models files;
    auto models = files.fine_tuned(2, dtype);
    const auto line = interpolation_method();
    MergeOptions options;
    options.integers = IntegerPolicy::first;
    options.scale = 0;
    EXPECT_TRUE(same_bytes(merge(models, *line, options).tensors, copied(models[0])));
    options.scale = 1;
    std::vector<OwnedTensor> end = merge(models, *line, options).tensors;
    for (const OwnedTensor& tensor : end) {
      if (tensor.name == "steps") continue;  // integers are of the first model
      const auto wanted = models[1].at(tensor.name).bytes;
      EXPECT_TRUE(std::ranges::equal(tensor.bytes, wanted));
    }
    options.scale = 0.3;
    const std::vector<Checkpoint> same(2, models[0]);
    EXPECT_TRUE(same_bytes(merge(same, *line, options).tensors, copied(models[0])));
  }
}

TEST(Interpolation, IsTheWeightedSumOfBothInAnyOrderOfContents) {
  Models files;
  const std::vector<Checkpoint> models{files.open(Dtype::f32, {1, 10}),
                                       files.open(Dtype::f32, {2, 30})};
  const std::vector<Checkpoint> turned{models[1], models[0]};
  const auto line = interpolation_method();
  MergeOptions options;
  options.scale = 0.25;
  EXPECT_EQ(values_of(merge(models, *line, options).tensors[0]), (std::vector<double>{1.25, 15}));
  EXPECT_EQ(values_of(merge(turned, *line, options).tensors[0]), (std::vector<double>{1.75, 25}));
}

}  // namespace
}  // namespace stockpot
