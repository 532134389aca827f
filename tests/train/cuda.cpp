// Training on a GPU: runs where there is one.
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/model/runtime.h"
#include "stockpot/train/fit.h"
#include "stockpot/train/optimizer.h"
#include "support.h"

namespace stockpot {
namespace {

const ImageDataset& images() {
  static const ImageDataset loaded = test::load_images();
  return loaded;
}

// Mixed and plain batches, and a last one that is smaller.
FitOptions brief() {
  FitOptions options;
  options.epochs = 6;
  options.batch_size = 6;
  options.learning_rate = 1e-3;
  options.label_smoothing = 0.1;
  options.mixing = {.mixup_alpha = 0.4, .cutmix_alpha = 0, .probability = 0.5};
  options.loader_threads = 0;
  return options;
}

std::string trained(const char* name, const FitOptions& options) {
  Classifier model = test::load_model(name);
  model.to(parse_device("cuda"));
  fit(model, images(), {images()}, options);
  return test::bits(model);
}

class CudaTraining : public testing::Test {
 protected:
  void SetUp() override {
    try {
      parse_device("cuda");
    } catch (const UsageError&) {
      GTEST_SKIP() << "no CUDA device here";
    }
    use_reproducible_kernels();
  }
};

TEST_F(CudaTraining, RecordedPassesGiveTheBitsOfLaunchedOnes) {
  for (const char* name : {"vit-patch16", "resnet18"}) {
    FitOptions options = brief();
    const std::string recorded = trained(name, options);
    EXPECT_EQ(recorded, trained(name, options)) << name;
    options.recorded = false;
    EXPECT_EQ(recorded, trained(name, options)) << name;
  }
}

TEST_F(CudaTraining, StepsAreThoseOfOperators) {
  const c10::NoGradGuard no_grad;
  for (const Optimizer kind : {Optimizer::adamw, Optimizer::sgd, Optimizer::adafactor}) {
    Classifier first = test::load_model("vit-patch16");
    first.to(parse_device("cuda"));
    Classifier second = first.clone();
    FitOptions options;
    options.optimizer = kind;
    options.weight_decay = 0.3;
    options.clip_norm = 2;
    options.layer_decay = 0.8;
    FlatOptimizer one(first, options), other(second, options);
    for (int step = 0; step < 5; ++step) {
      first.flat_gradients().normal_();
      second.flat_gradients().copy_(first.flat_gradients());
      one.step(0.01, one.gradient_norm());
      other.step_by_operators(0.01, other.gradient_norm());
    }
    EXPECT_LT(test::largest_difference(first.flat_values().cpu(), second.flat_values().cpu()),
              2e-6);
  }
}

TEST_F(CudaTraining, RecordingsFollowGradualUnfreezing) {
  FitOptions options = brief();
  options.freezing = {.head_epochs = 1, .unfreeze_every = 1};
  const std::string recorded = trained("vit-patch16", options);
  options.recorded = false;
  EXPECT_EQ(recorded, trained("vit-patch16", options));
}

TEST_F(CudaTraining, SharpnessAwareStepsAreRecordedToo) {
  FitOptions options = brief();
  options.sam_rho = 0.05;
  const std::string recorded = trained("vit-patch16", options);
  options.recorded = false;
  EXPECT_EQ(recorded, trained("vit-patch16", options));
}

TEST_F(CudaTraining, SideBySideInThreadsIsAsAlone) {
  constexpr int kRuns = 6;
  std::vector<std::string> alone(kRuns), together(kRuns);
  const auto run = [](int seed) {
    FitOptions options = brief();
    options.seed = static_cast<std::uint64_t>(seed);
    return trained("vit-patch16", options);
  };
  for (int i = 0; i < kRuns; ++i) alone[static_cast<std::size_t>(i)] = run(i);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kRuns; ++i)
      threads.emplace_back([&, i] { together[static_cast<std::size_t>(i)] = run(i); });
  }
  EXPECT_EQ(alone, together);
}

// Recordings are of the stream of the current device, which is the first one unless set.
TEST_F(CudaTraining, EveryDeviceRecords) {
  const std::string first = trained("vit-patch16", brief());
  std::string device;
  try {
    device = parse_device("cuda:1").str();
  } catch (const UsageError&) {
    GTEST_SKIP() << "one CUDA device only";
  }
  Classifier model = test::load_model("vit-patch16");
  model.to(parse_device(device));
  fit(model, images(), {images()}, brief());
  EXPECT_EQ(test::bits(model), first);
}

// More trainings than LibTorch's pool has streams, beside one that goes on all the time.
TEST_F(CudaTraining, RecordingsOfManyThreadsDoNotMeet) {
  FitOptions slow = brief();
  slow.epochs = 200;
  FitOptions quick = brief();
  quick.epochs = 2;
  const std::string slow_alone = trained("vit-patch16", slow);
  const std::string quick_alone = trained("vit-patch16", quick);
  std::string slow_beside;
  std::vector<std::string> beside(60);
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] { slow_beside = trained("vit-patch16", slow); });
    for (std::size_t first = 0; first < 6; ++first)
      threads.emplace_back([&, first] {
        for (std::size_t i = first; i < beside.size(); i += 6)
          beside[i] = trained("vit-patch16", quick);
      });
  }
  EXPECT_EQ(slow_beside, slow_alone);
  for (const std::string& one : beside) EXPECT_EQ(one, quick_alone);
}

}  // namespace
}  // namespace stockpot
