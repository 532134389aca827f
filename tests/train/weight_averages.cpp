// Means of the weights along a run against the weights of every step.
#include "stockpot/train/weight_averages.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/train/fit.h"
#include "stockpot/train/named_tensors.h"
#include "stockpot/train/state_folder.h"
#include "support.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {
namespace {

// Parameters and running statistics, one behind the other.
using Values = std::vector<double>;

Values values_of(const Weights& weights) {
  Values all;
  const auto add = [&](const at::Tensor& tensor) {
    const at::Tensor wide = in_memory_order(tensor).to(at::kDouble);
    all.insert(all.end(), wide.data_ptr<double>(), wide.data_ptr<double>() + wide.numel());
  };
  add(weights.values);
  for (const at::Tensor& buffer : weights.buffers)
    if (buffer.is_floating_point()) add(buffer);
  return all;
}

void move(const Classifier& model, RandomStream& random) {
  const at::NoGradGuard no_grad;
  const Weights weights = weights_of(model);
  weights.values.mul_(random.uniform(0.9, 1.1)).add_(random.uniform(-0.1, 0.1));
  for (const at::Tensor& buffer : weights.buffers)
    buffer.is_floating_point() ? buffer.mul_(random.uniform(0.9, 1.1)) : buffer.add_(1);
}

Values mean_of(const std::vector<Values>& rows) {
  Values mean(rows.at(0).size());
  for (const Values& row : rows)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += row[i];
  for (double& value : mean) value /= static_cast<double>(rows.size());
  return mean;
}

double largest_gap(const Values& a, const Values& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double gap = std::abs(a[i] - b[i]) / (1 + std::abs(b[i]));
    if (!(gap <= largest)) largest = gap;  // NaN stays
  }
  return largest;
}

// Steps of random weights, epochs of one to three steps that end with the given losses.
class Steps {
 public:
  explicit Steps(const FitOptions& options) : averages(model, options) {}

  void epochs(const std::vector<double>& losses) {
    for (const double loss : losses) {
      ++epoch;
      for (std::uint64_t i = 0; i <= random_.below(3); ++i) {
        move(model, random_);
        averages.after_step(model, ++step);
        rows[epoch].push_back(values_of(weights_of(model)));
      }
      averages.after_epoch(model, epoch, loss);
    }
  }

  // After each step of the epochs from `first` to `last` (1-based).
  std::vector<Values> between(int first, int last) const {
    std::vector<Values> all;
    for (int e = first; e <= last; ++e) all.insert(all.end(), rows.at(e).begin(), rows.at(e).end());
    return all;
  }
  // After the last step of each.
  std::vector<Values> ends(int first, int last) const {
    std::vector<Values> all;
    for (int e = first; e <= last; ++e) all.push_back(rows.at(e).back());
    return all;
  }

  Classifier model = test::load_model("resnet18");
  WeightAverages averages;
  std::map<int, std::vector<Values>> rows;
  int epoch = 0;
  std::int64_t step = 0;

 private:
  RandomStream random_{3, Purpose::test};
};

TEST(WeightAverages, LawaIsTheMeanOfTheWeightsAfterEachOfTheLastEpochs) {
  for (const int k : {1, 3, 7, 20}) {
    FitOptions options;
    options.epochs = 7;
    options.lawa_epochs = k;
    options.swa_epochs = 2;  // beside it
    Steps steps(options);
    steps.epochs({7, 6, 5, 4, 3, 2, 1});
    const auto all = steps.averages.all();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[1].name, "lawa");
    EXPECT_LT(largest_gap(values_of(all[0].weights), mean_of(steps.ends(6, 7))), 1e-6);
    EXPECT_LT(largest_gap(values_of(all[1].weights), mean_of(steps.ends(std::max(1, 8 - k), 7))),
              1e-6)
        << k;
  }
}

struct Valley {
  std::vector<double> losses;
  SwadOptions options;
  int first, last;  // epochs, 1-based; 0: none
};

TEST(WeightAverages, SwadIsTheMeanOverEveryStepOfItsWindow) {
  const std::vector<Valley> valleys = {
      // 0.5 is the least of three, the threshold 0.66; 0.7, 0.8, 0.9 end it.
      {{1, 0.8, 0.5, 0.6, 0.55, 0.6, 0.7, 0.65, 0.7, 0.8, 0.9, 0.1}, {3, 3, 1.2}, 3, 8},
      // Two above it are not enough: it reaches to the end.
      {{1, 0.8, 0.5, 0.6, 0.55, 0.6, 0.7, 0.65, 0.7, 0.8}, {3, 3, 1.2}, 3, 10},
      {{2, 1, 1.1, 1.05, 1}, {3, 2, 1.3}, 2, 5},
      // Only the first, though the start needs three.
      {{1, 5, 5, 5}, {3, 3, 0.1}, 1, 1},
      {{1, 5, 5, 5}, {3, 1, 0.1}, 1, 3},
      {{3, 2, 1}, {1, 1, 1}, 1, 3},
      // A loss that is no number ends it, too.
      {{1, 1.1, NAN, INFINITY, 1}, {2, 2, 1.3}, 1, 2},
      {{5, 4, 3, 2, 1}, {2, 6, 1.3}, 0, 0},
  };
  for (const Valley& valley : valleys) {
    FitOptions options;
    options.epochs = static_cast<int>(valley.losses.size());
    options.swad = valley.options;
    Steps steps(options);
    steps.epochs(valley.losses);
    const auto all = steps.averages.all();
    ASSERT_EQ(all.size(), valley.first > 0 ? 1u : 0u) << Json(valley.losses.front()).dump();
    if (valley.first == 0) continue;
    EXPECT_EQ(all[0].name, "swad");
    // Float32 is rounded to once.
    EXPECT_LT(
        largest_gap(values_of(all[0].weights), mean_of(steps.between(valley.first, valley.last))),
        6.1e-8)
        << valley.first << " " << valley.last;
  }
}

TEST(WeightAverages, SwadKeepsNoMoreThanTheRuleNeeds) {
  FitOptions options;
  options.epochs = 100;
  options.swad = SwadOptions{3, 4, 1.2};
  Steps steps(options);
  const std::size_t sum = weights_of(steps.model).buffers.size() + 1;  // tensors
  const auto sums = [&] { return steps.averages.tensors(steps.model).size() / sum; };
  for (int i = 0; i < 20; ++i) steps.epochs({1 - 0.01 * i});
  EXPECT_EQ(sums(), 2u);
  for (int i = 0; i < 20; ++i) steps.epochs({1});
  EXPECT_EQ(sums(), 1u);
  steps.epochs({1.3, 1.3, 1.3});
  EXPECT_EQ(sums(), 4u);
  steps.epochs({1.3});
  EXPECT_EQ(sums(), 1u);
  steps.epochs({1});
  EXPECT_EQ(sums(), 1u);
}

TEST(WeightAverages, SwadRefusesPatienceZero) {
  FitOptions options;
  options.swad = SwadOptions{0, 1, 1};
  const Classifier model = test::load_model("vit-patch16");
  EXPECT_THROW(WeightAverages(model, options), UsageError);
}

// Three epochs of four steps.
FitOptions twelve_steps() {
  FitOptions options;
  options.epochs = 3;
  options.batch_size = 6;
  options.learning_rate = 2e-3;
  options.seed = 5;
  options.loader_threads = 0;
  return options;
}

// The parameters after every step, from the states of a run that stops after each.
std::vector<std::vector<double>> recorded_steps(const ImageDataset& images) {
  const TemporaryFolder folder;
  FitOptions options = twelve_steps();
  options.checkpoints.folder = folder.path();
  options.checkpoints.stop_after = 1;
  std::vector<std::vector<double>> rows;
  for (std::int64_t step = 1; step <= 12; ++step) {
    Classifier model = test::load_model("resnet18");
    std::vector<double> last;
    FitCallbacks callbacks;
    callbacks.on_epoch = [&](const EpochReport&) { last = values_of({model.flat_values(), {}}); };
    try {
      fit(model, images, {images}, options, callbacks);
      rows.push_back(last);
    } catch (const Interrupted&) {
      const SafetensorsFile file(folder.path() / state_name(step) / "tensors.safetensors");
      const std::vector<float> values = float_values(*file.find("model.values"));
      rows.emplace_back(values.begin(), values.end());
    }
  }
  return rows;
}

TEST(Fit, SwadAveragesTheWeightsThatASecondRunHasAfterEveryStep) {
  const ImageDataset images = test::load_images();
  const std::vector<std::vector<double>> rows = recorded_steps(images);
  ASSERT_EQ(rows.size(), 12u);
  // To the end; and nothing but the first epoch.
  for (const auto& [valley, steps] :
       {std::pair(SwadOptions{1, 6, 1e6}, 12), std::pair(SwadOptions{1, 2, 1e-6}, 4)}) {
    FitOptions options = twelve_steps();
    options.swad = valley;
    Classifier model = test::load_model("resnet18");
    const FitResult result = fit(model, images, {images}, options);
    ASSERT_EQ(result.averages.size(), 1u);
    model.load_state(result.averages[0].state);
    EXPECT_LT(largest_gap(values_of({model.flat_values(), {}}),
                          mean_of({rows.begin(), rows.begin() + steps})),
              6.1e-8)
        << steps;
    EXPECT_GT(result.averages[0].held_out_loss, 0);
  }
}

}  // namespace
}  // namespace stockpot
