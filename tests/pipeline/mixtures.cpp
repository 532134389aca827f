#include "stockpot/pipeline/mixtures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "near_models.h"
#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "stockpot/eval/batch_statistics.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/merge/average.h"
#include "stockpot/merge/run.h"
#include "tests/base/message_of.h"

namespace stockpot {
namespace {

struct Silent : Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

std::vector<NamedSet> two_sets() {
  const ImageDataset all = fixture_pictures();
  std::vector<std::int64_t> some{1, 4, 7, 11};
  return {{"val", SetRole::held_out, all}, {"sketch", SetRole::ood, all.subset(some)}};
}

using Table = std::map<std::string, std::vector<double>>;

Table values_of(const std::vector<OwnedTensor>& tensors) {
  Table table;
  for (const OwnedTensor& tensor : tensors) {
    std::vector<double>& values = table[tensor.name];
    values.resize(static_cast<std::size_t>(element_count(tensor.shape)));
    read_values(tensor.view(), values);
  }
  return table;
}

Table values_of(const Checkpoint& model) {
  std::vector<OwnedTensor> tensors;
  for (const TensorView& tensor : model.tensors())
    tensors.push_back(
        {tensor.name, tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}});
  return values_of(tensors);
}

// What run_merge() makes of the same models.
Table merged(const std::vector<Checkpoint>& models, MergeMethod& method,
             const MergeOptions& options) {
  const MergePlan plan = plan_merge(models, nullptr, false, options);
  std::vector<OwnedTensor> tensors;
  for (const PlannedTensor& tensor : plan.tensors)
    tensors.push_back({tensor.output.name, tensor.output.dtype, tensor.output.shape,
                       std::vector<std::byte>(bytes_of(tensor.output))});
  Silent silent;
  run_merge(
      plan, method,
      [&](std::size_t tensor, std::uint64_t first, std::span<const std::byte> bytes) {
        std::ranges::copy(bytes,
                          tensors[tensor].bytes.begin() + static_cast<std::ptrdiff_t>(first));
      },
      {}, silent);
  return values_of(tensors);
}

class MixturesOf : public ::testing::Test {
 protected:
  Mixtures mixtures(BatchNormPolicy policy = BatchNormPolicy::variance) {
    MixtureOptions options;
    options.batchnorm = policy;
    options.pictures = &pictures;
    return Mixtures(models.folders(), two_sets(), options, silent);
  }

  Silent silent;
  ImageDataset pictures = fixture_pictures();
  NearModels models{3};
};

TEST_F(MixturesOf, OneWeightIsTheModelBitForBit) {
  const Mixtures mixed = mixtures();
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<double> weights(3);
    weights[i] = 1;
    EXPECT_EQ(values_of(mixed.tensors(weights)), values_of(models.open()[i])) << i;
  }
}

TEST_F(MixturesOf, EqualWeightsAreTheAverageBitForBit) {
  const std::vector<double> thirds(3, 1.0 / 3);
  const auto method = average_method();
  for (const BatchNormPolicy policy :
       {BatchNormPolicy::variance, BatchNormPolicy::average, BatchNormPolicy::keep}) {
    MergeOptions options;
    options.batchnorm = policy;
    EXPECT_EQ(values_of(mixtures(policy).tensors(thirds)), merged(models.open(), *method, options));
  }
}

TEST_F(MixturesOf, TwoThatAddUpToOneAreTheInterpolationBitForBit) {
  std::vector<Checkpoint> pair;
  pair.push_back(Checkpoint::open(models.folders()[0]));
  pair.push_back(Checkpoint::open(models.folders()[2]));
  const auto method = interpolation_method();
  for (const double alpha : {0.1, 0.5, 0.7}) {
    MergeOptions options;
    options.scale = alpha;
    options.shares = {1 - alpha, alpha};
    const std::vector<double> weights{1 - alpha, 0, alpha};
    EXPECT_EQ(values_of(mixtures().tensors(weights)), merged(pair, *method, options)) << alpha;
  }
}

TEST_F(MixturesOf, AnyWeightsAreTheExactSumRoundedOnce) {
  // Short decimals would put sums of fp32 numbers on ties, where their own rounding decides.
  const std::vector<double> weights{std::sqrt(3), -std::sqrt(0.8), std::sqrt(0.1)};
  const Table mixed = values_of(mixtures().tensors(weights));
  std::vector<Table> sources;
  for (const Checkpoint& model : models.open()) sources.push_back(values_of(model));
  for (const auto& [name, values] : mixed) {
    if (name.find("running") != std::string::npos || is_batch_counter(name)) continue;
    for (std::size_t i = 0; i < values.size(); ++i) {
      long double sum = 0;
      for (std::size_t m = 0; m < 3; ++m)
        sum += static_cast<long double>(weights[m]) * sources[m].at(name)[i];
      ASSERT_EQ(static_cast<float>(values[i]), static_cast<float>(sum)) << name << " " << i;
    }
  }
}

TEST_F(MixturesOf, StatisticsAreThoseOfTheMixtureOfBatches) {
  const std::vector<double> weights{2, 1, -0.5};  // over their sum: 0.8, 0.4, -0.2
  const Table mixed = values_of(mixtures().tensors(weights));
  std::vector<Table> sources;
  for (const Checkpoint& model : models.open()) sources.push_back(values_of(model));
  const double shares[] = {0.8, 0.4, -0.2};
  for (const std::string layer : {"bn1", "layer2.0.bn2", "layer4.0.downsample.1"}) {
    const std::string mean = layer + ".running_mean", variance = layer + ".running_var";
    for (std::size_t i = 0; i < mixed.at(mean).size(); ++i) {
      double first = 0, second = 0;
      for (std::size_t m = 0; m < 3; ++m) {
        const double mu = sources[m].at(mean)[i];
        first += shares[m] * mu;
        second += shares[m] * (sources[m].at(variance)[i] + mu * mu);
      }
      EXPECT_NEAR(mixed.at(mean)[i], first, 1e-6);
      EXPECT_NEAR(mixed.at(variance)[i], std::max(0.0, second - first * first), 1e-6);
    }
    EXPECT_EQ(mixed.at(layer + ".num_batches_tracked"), std::vector<double>{9});
  }
}

TEST_F(MixturesOf, SayWhatTheModelsThemselvesSay) {
  Mixtures mixed = mixtures();
  const std::vector<double> second{0, 1, 0};
  const std::vector<Predictions> all = mixed.on_all(second);
  ASSERT_EQ(all.size(), 2u);
  Classifier model = Classifier::load(ModelFolder::open(models.folders()[1]));
  for (std::size_t set = 0; set < 2; ++set) {
    EXPECT_EQ(all[set].logits, predict(model, mixed.sets()[set].set).logits);
    EXPECT_EQ(mixed.on(second, set).logits, all[set].logits);
  }
  EXPECT_EQ(all[1].rows(), 4);
}

TEST_F(MixturesOf, MeasureStatisticsAnewForEachPoint) {
  Mixtures mixed = mixtures(BatchNormPolicy::recompute), averaged = mixtures();
  const std::vector<double> half{0.5, 0.5, 0};
  Classifier expected = averaged.model(half).clone();
  recompute_batch_statistics(expected, pictures);
  EXPECT_EQ(mixed.on(half, 0).logits, predict(expected, pictures).logits);
  EXPECT_NE(mixed.on(half, 0).logits, averaged.on(half, 0).logits);
}

TEST_F(MixturesOf, DoNotDependOnThreads) {
  const Mixtures mixed = mixtures();
  const std::vector<double> weights{0.2, 0.3, 0.4};
  set_threads(1);
  const Table one = values_of(mixed.tensors(weights));
  set_threads(7);
  EXPECT_EQ(values_of(mixed.tensors(weights)), one);
  set_threads(machine_cores());
}

TEST_F(MixturesOf, RefuseWhatCannotBeMixed) {
  Mixtures mixed = mixtures();
  const auto refused = [&](std::vector<double> weights) {
    return message_of<std::exception>([&] { mixed.on(weights, 0); });
  };
  EXPECT_EQ(refused({1, 0}), "2 weights for 3 models");
  EXPECT_EQ(refused({0, 0, 0}), "all weights of a mixture are 0");
  EXPECT_EQ(refused({1, std::nan(""), 0}), "a weight of a mixture is not a finite number");
  EXPECT_NE(refused({1e39, 0, 0}).find("does not fit the type F32"), std::string::npos);
  const NearModels others(1, "resnet50"), vits(1, "vit-patch16");
  for (const fs::path& other : {others.folders()[0], vits.folders()[0]})
    EXPECT_THROW(Mixtures({models.folders()[0], other}, {}, {}, silent), FormatError);
  MixtureOptions options;
  options.batchnorm = BatchNormPolicy::recompute;
  EXPECT_THROW(Mixtures(models.folders(), {}, options, silent), UsageError);
}

}  // namespace
}  // namespace stockpot
