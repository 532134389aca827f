#include "stockpot/train/fit.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <csignal>
#include <limits>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/data/batch.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/model/input.h"
#include "stockpot/train/probe.h"
#include "support.h"

namespace stockpot {
namespace {

const ImageDataset& images() {
  static const ImageDataset loaded = test::load_images();
  return loaded;
}

FitOptions quick() {
  FitOptions options;
  options.epochs = 3;
  options.batch_size = 6;
  options.learning_rate = 1e-3;
  options.seed = 5;
  options.loader_threads = 0;
  return options;
}

std::vector<double> statistics(const Classifier& model) {
  std::vector<double> values;
  for (const OwnedTensor& tensor : model.state())
    if (tensor.name.find("running_") != std::string::npos)
      for (const float value : float_values(tensor.view())) values.push_back(value);
  return values;
}

TEST(Fit, OfNoEpochsIsTheStartItself) {
  FitOptions options = quick();
  options.epochs = 0;
  Classifier model = test::load_model("resnet18");
  const std::string before = test::bits(model);
  const FitResult result = fit(model, images(), {images()}, options);
  EXPECT_EQ(test::bits(model), before);
  EXPECT_EQ(result.best_epoch, 0);
  EXPECT_TRUE(result.history.empty());
  EXPECT_EQ(result.held_out.total, images().size());
  EXPECT_EQ(result.held_out.correct, accuracy(predict(model, images(), {})).correct);
}

TEST(Fit, GivesTheSameBytesForTheSameSeed) {
  for (const char* name : {"resnet18", "vit-patch16"}) {
    FitOptions options = quick();
    options.augmentation = augmentation_preset("strong");
    std::string results[4];
    for (const int threads : {0, 1, 2}) {
      options.loader_threads = threads;
      Classifier model = test::load_model(name);
      fit(model, images(), {images()}, options);
      results[threads] = test::bits(model);
    }
    options.seed = 6;
    Classifier other = test::load_model(name);
    fit(other, images(), {images()}, options);
    EXPECT_EQ(results[0], results[1]) << name;
    EXPECT_EQ(results[0], results[2]) << name;
    EXPECT_NE(results[0], test::bits(other)) << name;
  }
}

TEST(Fit, ReturnsTheStartAtLearningRateZero) {
  for (const char* name : {"resnet18", "vit-patch16"})
    for (const Optimizer kind : {Optimizer::adamw, Optimizer::sgd}) {
      FitOptions options = quick();
      options.learning_rate = 0;
      options.optimizer = kind;
      options.batchnorm = BatchNorm::frozen;
      Classifier model = test::load_model(name);
      const std::string before = test::bits(model);
      const FitResult result = fit(model, images(), {images()}, options);
      EXPECT_EQ(test::bits(model), before) << name;
      EXPECT_EQ(result.best_epoch, 1);  // a tie keeps the earlier epoch
    }
}

TEST(Fit, KeepsFrozenStatisticsAndMovesLiveOnes) {
  FitOptions options = quick();
  options.batchnorm = BatchNorm::frozen;
  Classifier model = test::load_model("resnet18");
  const std::vector<double> before = statistics(model);
  const std::string bits = test::bits(model);
  EXPECT_EQ(fit(model, images(), {images()}, options).batchnorm_change, 0);
  EXPECT_EQ(statistics(model), before);
  EXPECT_NE(test::bits(model), bits);

  options.batchnorm = BatchNorm::live;
  const FitResult live = fit(model, images(), {images()}, options);
  double largest = 0;
  const std::vector<double> after = statistics(model);
  for (std::size_t i = 0; i < after.size(); ++i)
    largest = std::max(largest, std::abs(after[i] - before[i]));
  EXPECT_GT(live.batchnorm_change, 0);
  EXPECT_DOUBLE_EQ(live.batchnorm_change, largest);
}

TEST(Fit, LeavesTheBestEpochInTheModel) {
  FitOptions options = quick();
  options.epochs = 6;
  options.learning_rate = 0.05;  // rough: accuracy goes up and down
  options.schedule = Schedule::constant;
  Classifier model = test::load_model("vit-patch16");
  const FitResult result = fit(model, images(), {images()}, options);
  std::int64_t best = -1;
  int epoch_of_best = 0;
  for (const EpochReport& report : result.history)
    if (report.held_out.correct > best) {
      best = report.held_out.correct;
      epoch_of_best = report.epoch;
    }
  EXPECT_EQ(result.best_epoch, epoch_of_best);
  EXPECT_EQ(result.held_out.correct, best);
  EXPECT_EQ(accuracy(predict(model, images())), result.held_out);
}

TEST(Fit, StartsLpFtFromExactlyTheLogitsOfTheProbe) {
  Classifier model = test::load_model("resnet18");
  const at::Tensor features = extract_features(model, images());
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < images().size(); ++i) labels.push_back(images().label(i));
  at::Tensor targets = at::Tensor(features.new_empty({20}, at::kLong));
  std::copy(labels.begin(), labels.end(), targets.data_ptr<std::int64_t>());
  ProbeOptions options;
  options.c = {0.1, 1};
  const ProbeResult probe = fit_probe(features, targets, features, targets, 5, options);
  model.set_head(model.labels(), probe.weight, probe.bias);
  const Predictions of_probe = predict(model, images());
  EXPECT_EQ(accuracy(of_probe), probe.path[probe.chosen].held_out);

  FitOptions still = quick();
  still.learning_rate = 0;
  still.batchnorm = BatchNorm::frozen;
  fit(model, images(), {images()}, still);
  EXPECT_EQ(predict(model, images()).logits, of_probe.logits);
}

// 20 rows in batches of 19. The rate at the end of the epoch tells how many steps there were.
TEST(Fit, LeavesOutALoneRowUnderLiveBatchNorm) {
  FitOptions options = quick();
  options.epochs = 1;
  options.batch_size = 19;
  options.schedule = Schedule::linear;
  const auto last_rate = [&](const char* name) {
    Classifier model = test::load_model(name);
    return fit(model, images(), {images()}, options).history[0].learning_rate;
  };
  EXPECT_DOUBLE_EQ(last_rate("resnet18"), options.learning_rate);
  EXPECT_DOUBLE_EQ(last_rate("vit-patch16"), options.learning_rate / 2);
  options.batchnorm = BatchNorm::frozen;
  EXPECT_DOUBLE_EQ(last_rate("resnet18"), options.learning_rate / 2);
}

TEST(Fit, NamesTheStepWhereTheLossIsNotFinite) {
  const at::NoGradGuard no_grad;
  Classifier model = test::load_model("vit-patch16");
  model.flat_values().slice(0, 0, 1).fill_(std::numeric_limits<float>::infinity());
  try {
    const at::AutoGradMode gradients(true);
    fit(model, images(), {images()}, quick());
    FAIL() << "no error";
  } catch (const Diverged& error) {
    EXPECT_NE(std::string(error.what()).find("epoch 1, step 1 of 12: the loss is not finite"),
              std::string::npos)
        << error.what();
    EXPECT_EQ(error.divergence().batch.size(), 6u);
  }
}

// A warm-up that reaches a rate of 1e30 in the second epoch.
TEST(Fit, LeavesTheBestWeightsUntilThenWhenTrainingDiverges) {
  Classifier model = test::load_model("vit-patch16");
  FitOptions options = quick();
  options.optimizer = Optimizer::sgd;
  options.schedule = Schedule::step;
  options.learning_rate = 1e-3;
  options.milestones = {1.0 / options.epochs};
  options.gamma = 1e33;
  std::string after_first;
  FitCallbacks callbacks;
  callbacks.on_epoch = [&](const EpochReport& report) {
    if (report.epoch == 1) after_first = test::bits(model);
  };
  try {
    fit(model, images(), {images()}, options, callbacks);
    FAIL() << "no error";
  } catch (const Diverged& error) {
    EXPECT_EQ(error.divergence().epoch, 2);
    EXPECT_NE(std::string(error.what()).find("use a lower learning rate"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("the weights after epoch 1, the best until then"),
              std::string::npos)
        << error.what();
  }
  EXPECT_EQ(test::bits(model), after_first);
}

TEST(Fit, KeepsEveryBitOfFrozenParameters) {
  const auto moved = [](const char* name, const Freezing& freezing) {
    FitOptions options = quick();
    options.freezing = freezing;
    options.weight_decay = 0.5;
    options.l2_sp = {0.5, 0.5};
    options.swa_epochs = 1;  // the last weights, not the best
    Classifier model = test::load_model(name);
    const Classifier start = model.clone();
    model.load_state(fit(model, images(), {images()}, options).averages[0].state);
    std::set<int> blocks;  // in which something moved
    for (std::size_t i = 0; i < model.parameters().size(); ++i) {
      const Parameter& parameter = model.parameters()[i];
      EXPECT_TRUE(parameter.value.requires_grad());  // afterwards all are trainable again
      if (test::same_bits(parameter.value, start.parameters()[i].value)) continue;
      blocks.insert(parameter.block);
      EXPECT_TRUE(freezing.trained != Trained::batchnorm || parameter.batchnorm || parameter.head)
          << parameter.name;
    }
    return blocks;
  };
  using Blocks = std::set<int>;
  EXPECT_EQ(moved("vit-patch16", {Trained::all}), (Blocks{0, 1, 2, 3}));
  EXPECT_EQ(moved("vit-patch16", {Trained::head}), (Blocks{3}));
  EXPECT_EQ(moved("vit-patch16", {Trained::top, 1}), (Blocks{2, 3}));
  EXPECT_EQ(moved("vit-patch16", {Trained::without_bottom, 2}), (Blocks{2, 3}));
  EXPECT_EQ(moved("resnet18", {Trained::without_bottom, 1}), (Blocks{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(moved("resnet18", {Trained::batchnorm}), (Blocks{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  // Three epochs: the head, then the last block, then the one before.
  EXPECT_EQ(moved("resnet18", {Trained::all, 0, 1, 1}), (Blocks{7, 8, 9}));
  Classifier vit = test::load_model("vit-patch16");
  FitOptions options = quick();
  options.freezing.trained = Trained::batchnorm;
  EXPECT_THROW(fit(vit, images(), {images()}, options), UsageError);
  options.freezing = {Trained::top, 4};
  EXPECT_THROW(fit(vit, images(), {images()}, options), UsageError);
}

TEST(Fit, RefusesAModelWithOtherLabels) {
  Classifier model = test::load_model("vit-patch16");
  model.reset_head({"a", "b"}, 0);
  EXPECT_THROW(fit(model, images(), {images()}, quick()), UsageError);
}

TEST(Fit, ReportsEveryEpoch) {
  Classifier model = test::load_model("vit-patch16");
  std::vector<int> epochs;
  const FitResult result =
      fit(model, images(), {images()}, quick(),
          {.on_epoch = [&](const EpochReport& report) { epochs.push_back(report.epoch); }});
  EXPECT_EQ(epochs, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(result.history.back().to_json().find("held_out_total")->as_integer(), 20);
  EXPECT_GT(result.history.back().images_per_second, 0);
}

// Last in its own process: the flag that a signal sets stays.
TEST(FitDeathTest, StopsBetweenStepsWhenAsked) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        install_signal_handlers();
        std::raise(SIGTERM);
        Classifier model = test::load_model("vit-patch16");
        try {
          fit(model, images(), {images()}, quick());
        } catch (const Interrupted& stop) {
          std::fprintf(stderr, "%s\n", stop.what());
          std::exit(75);
        }
      },
      testing::ExitedWithCode(75), "after step 0 of 12");
}

}  // namespace
}  // namespace stockpot
