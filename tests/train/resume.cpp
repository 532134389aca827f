// A run that is interrupted anywhere ends with the bytes of one that is not.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/model/runtime.h"
#include "stockpot/train/fit.h"
#include "stockpot/train/state_folder.h"
#include "support.h"
#include "tests/base/message_of.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {
namespace {

const ImageDataset& images() {
  static const ImageDataset loaded = test::load_images();
  return loaded;
}

// Five epochs of four steps.
FitOptions twenty_steps() {
  FitOptions options;
  options.epochs = 5;
  options.batch_size = 6;
  options.learning_rate = 2e-3;
  options.warmup = 0.2;
  options.label_smoothing = 0.1;
  options.seed = 5;
  options.loader_threads = 0;
  return options;
}

// Everything that a run gives, but times.
std::string bytes_of(const Classifier& model, const FitResult& result) {
  std::string all = test::bits(model);
  for (const EpochReport& report : result.history)
    for (const double value : {report.train_loss, report.train_accuracy, report.held_out_loss,
                               report.learning_rate, report.held_out.value()})
      all += std::to_string(value) + shortest(value) + " ";
  all += std::to_string(result.best_epoch) + " " + shortest(result.batchnorm_change);
  for (const AveragedModel& average : result.averages) {
    all += average.name + shortest(average.held_out_loss);
    for (const OwnedTensor& tensor : average.state)
      all.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  return all;
}

struct Case {
  std::string name, model;
  std::function<void(FitOptions&)> set;
};

std::vector<Case> cases() {
  const auto plain = [](FitOptions&) {};
  return {
      {"AdamW, live BatchNorm", "resnet18", plain},
      {"AdamW", "vit-patch16", plain},
      {"SGD, augmentation", "resnet18",
       [](FitOptions& o) {
         o.optimizer = Optimizer::sgd;
         o.augmentation = augmentation_preset("strong");
       }},
      {"Adafactor, frozen BatchNorm", "resnet18",
       [](FitOptions& o) {
         o.optimizer = Optimizer::adafactor;
         o.batchnorm = BatchNorm::frozen;
       }},
      {"dropout and drop path", "vit-patch16",
       [](FitOptions& o) {
         o.head_dropout = 0.3;
         o.drop_path = 0.4;
       }},
      {"averages", "resnet18",
       [](FitOptions& o) {
         o.ema.decays = {0.5, 0.9};
         o.swa_epochs = 3;
         o.lawa_epochs = 2;
         // Begins at once, has two epochs open and ends behind the fourth.
         o.swad = SwadOptions{1, 3, 1e-6};
       }},
      {"a valley that begins late or never", "vit-patch16",
       [](FitOptions& o) {
         o.swad = SwadOptions{};
         o.swa_epochs = 1;
       }},
      {"sharpness, mixing, parts, penalty", "resnet18",
       [](FitOptions& o) {
         o.optimizer = Optimizer::sgd;
         o.sam_rho = 0.05;
         o.mixing.mixup_alpha = 0.5;
         o.mixing.cutmix_alpha = 1;
         o.accumulation = 2;
         o.l2_sp = {0.01, 0.01};
         o.drop_path = 0.2;
       }},
      {"gradual unfreezing with layer-wise rates", "vit-patch16",
       [](FitOptions& o) {
         o.freezing.head_epochs = 1;
         o.freezing.unfreeze_every = 1;
         o.layer_decay = 0.7;
       }},
      {"one parameter group joins late, Nesterov", "resnet18",
       [](FitOptions& o) {
         o.freezing.head_epochs = 2;
         o.optimizer = Optimizer::sgd;
         o.nesterov = true;
         o.schedule = Schedule::step;
         o.milestones = {0.5};
       }},
  };
}

std::string undisturbed(const Case& one) {
  FitOptions options = twenty_steps();
  one.set(options);
  Classifier model = test::load_model(one.model);
  const FitResult result = fit(model, images(), {images()}, options);
  return bytes_of(model, result);
}

// One call of fit(); nothing when it was interrupted.
std::optional<std::string> attempt(const std::string& name, const FitOptions& options) {
  Classifier model = test::load_model(name);
  try {
    const FitResult result = fit(model, images(), {images()}, options);
    return bytes_of(model, result);
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

TEST(Resume, F16_GivesTheSameBytesWhereverItIsCut) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const std::string expected = undisturbed(one);
    // 4 is the end of an epoch; 3 leaves and enters epochs in all ways.
    for (const std::int64_t slice : {3, 4, 7}) {
      const TemporaryFolder folder;
      FitOptions options = twenty_steps();
      one.set(options);
      options.checkpoints.folder = folder.path() / "state";
      options.checkpoints.stop_after = slice;
      std::optional<std::string> result;
      int calls = 0;
      for (; !result && calls < 20; ++calls) {
        options.loader_threads = std::array{0, 1, 4}[static_cast<std::size_t>(calls % 3)];
        result = attempt(one.model, options);
      }
      ASSERT_TRUE(result);
      EXPECT_EQ(calls, (20 + slice - 1) / slice) << slice;
      EXPECT_TRUE(*result == expected) << slice;
    }
  }
}

TEST(Resume, F16_WorksFromACopyOfTheFolderAtAnotherPath) {
  const Case one = cases()[0];
  const TemporaryFolder folder;
  FitOptions options = twenty_steps();
  options.checkpoints.folder = folder.path() / "state";
  options.checkpoints.stop_after = 7;
  EXPECT_FALSE(attempt(one.model, options));
  fs::copy(folder.path() / "state", folder.path() / "moved", fs::copy_options::recursive);
  fs::remove_all(folder.path() / "state");
  options.checkpoints.folder = folder.path() / "moved";
  options.checkpoints.stop_after = 0;
  EXPECT_TRUE(attempt(one.model, options) == undisturbed(one));
}

TEST(Resume, F16_FallsBackToTheStateBeforeADamagedOne) {
  const Case one = cases()[5];
  const TemporaryFolder folder;
  FitOptions options = twenty_steps();
  one.set(options);
  options.checkpoints.folder = folder.path();
  options.checkpoints.stop_after = 5;
  std::string warnings;
  options.checkpoints.on_warning = [&](const std::string& text) { warnings += text; };
  EXPECT_FALSE(attempt(one.model, options));
  EXPECT_FALSE(attempt(one.model, options));
  EXPECT_EQ(warnings, "");
  fs::resize_file(folder.path() / "step-000010" / "tensors.safetensors", 1000);
  options.checkpoints.stop_after = 0;
  EXPECT_TRUE(attempt(one.model, options) == undisturbed(one));
  EXPECT_NE(warnings.find("step-000005"), std::string::npos) << warnings;
}

TEST(Resume, TellsWhereItGoesOn) {
  const TemporaryFolder folder;
  FitOptions options = twenty_steps();
  options.checkpoints.folder = folder.path();
  options.checkpoints.stop_after = 10;
  EXPECT_FALSE(attempt("vit-patch16", options));
  Classifier model = test::load_model("vit-patch16");
  std::vector<int> epochs;
  std::optional<ResumeReport> resumed;
  options.checkpoints.stop_after = 0;
  fit(model, images(), {images()}, options,
      {.on_epoch = [&](const EpochReport& report) { epochs.push_back(report.epoch); },
       .on_resume = [&](const ResumeReport& report) { resumed = report; }});
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->step, 10);
  EXPECT_EQ(resumed->steps, 20);
  EXPECT_EQ(resumed->epoch, 3);
  EXPECT_EQ(resumed->history.size(), 2u);
  EXPECT_EQ(epochs, (std::vector<int>{3, 4, 5}));
}

TEST(Resume, F12_RefusesAnotherRecipeStartThreadCountOrDataList) {
  const TemporaryFolder folder;
  FitOptions options = twenty_steps();
  options.checkpoints.folder = folder.path();
  options.checkpoints.stop_after = 3;
  options.checkpoints.identity = Json::object({{"recipe", "a"}});
  EXPECT_FALSE(attempt("vit-patch16", options));
  const auto refusal = [&](const FitOptions& changed, const ImageDataset& set, bool other_start) {
    Classifier model = test::load_model("vit-patch16");
    if (other_start) model.reset_head(model.labels(), 1);
    return message_of<UsageError>([&] { fit(model, set, {images()}, changed); });
  };
  const auto expect = [](const std::string& message, const std::string& part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  FitOptions rate = options, caller = options;
  rate.learning_rate = 1e-3;
  caller.checkpoints.identity = Json::object({{"recipe", "b"}});
  expect(refusal(rate, images(), false), "training.learning_rate was 0.002 and is 0.001");
  expect(refusal(caller, images(), false), "caller.recipe was \"a\" and is \"b\"");
  expect(refusal(options, images(), true), "start was ");
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 1; i < images().size(); ++i) rows.push_back(i);
  expect(refusal(options, images().subset(rows), false), "train.rows was 20 and is 19");
  const int threads = at::get_num_threads();
  at::set_num_threads(threads + 1);
  expect(refusal(options, images(), false), "threads was " + std::to_string(threads));
  at::set_num_threads(threads);
  // Nothing was changed by the refusals.
  EXPECT_FALSE(attempt("vit-patch16", options));
}

TEST(Fit, F01_LeavesARecordWhenTheLossIsNotFinite) {
  const TemporaryFolder folder;
  FitOptions options = twenty_steps();
  options.optimizer = Optimizer::sgd;
  options.learning_rate = 1e30;
  options.warmup = 0;
  options.checkpoints.folder = folder.path();
  options.checkpoints.every_seconds = 0;
  Classifier model = test::load_model("vit-patch16");
  EXPECT_THROW(fit(model, images(), {images()}, options), Diverged);
  const Json record = Json::read(folder.path() / "diverged.json");
  const std::int64_t step = record.find("step")->as_integer();
  EXPECT_GE(step, 2);
  EXPECT_LE(step, 4);
  EXPECT_EQ(record.find("batch")->items().size(), 6u);
  EXPECT_EQ(record.find("learning_rate")->as_number(), learning_rate_at(options, step - 1, 20));
  // It ends there again: from the last good state, by the same step.
  Classifier again = test::load_model("vit-patch16");
  EXPECT_THROW(fit(again, images(), {images()}, options), Diverged);
  EXPECT_EQ(Json::read(folder.path() / "diverged.json"), record);
}

// A signal that arrives at a random moment of a run in a process of its own.
int disturb(const std::string& model, const FitOptions& options, const fs::path& result, int signal,
            std::chrono::microseconds delay) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      install_signal_handlers();
      const auto bytes = attempt(model, options);
      if (!bytes) _exit(75);
      write_file(result, *bytes);
      _exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  std::this_thread::sleep_for(delay);
  kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Exits with 0 when every disturbed run ended with the bytes of the undisturbed one. In a process
// that has not trained yet: LibTorch's threads do not survive a fork.
[[noreturn]] void disturb_runs(const std::vector<int>& signals) {
  set_torch_threads(1);
  RandomStream random(17, Purpose::test);
  images();
  int disturbances = 0;
  constexpr int kEach = 2;  // disturbances that every case has to survive
  for (const Case& one : cases()) {
    const TemporaryFolder folder;
    FitOptions options = twenty_steps();
    one.set(options);
    const fs::path expected = folder.path() / "expected", result = folder.path() / "result";
    // SIGCONT disturbs nobody.
    if (disturb(one.model, options, expected, SIGCONT, std::chrono::microseconds(0)) != 0)
      std::exit(2);
    options.checkpoints.folder = folder.path() / "state";
    options.checkpoints.every_seconds = 0;
    int survived = 0;
    std::uint64_t longest = 120000;  // microseconds
    for (int tries = 0; survived < kEach || !fs::exists(result); ++tries) {
      if (fs::exists(result)) {  // too fast for the signals
        fs::remove(result);
        fs::remove_all(options.checkpoints.folder);
        survived = 0;
        longest = longest * 2 / 3;
      } else if (tries % 10 == 9) {
        longest += longest / 3;  // on a busy machine the first save may come late
      }
      options.loader_threads = static_cast<int>(random.below(3)) * 2;
      const int signal = signals[random.below(signals.size())];
      const std::chrono::microseconds delay(5000 + static_cast<int>(random.below(longest)));
      const int status = disturb(one.model, options, result, signal, delay);
      if (status == 1 || tries > 200) {
        std::fprintf(stderr, "%s: status %d after %d tries\n", one.name.c_str(), status, tries);
        std::exit(3);
      }
      survived += status != 0;
    }
    disturbances += survived;
    if (read_file(expected) != read_file(result)) {
      std::fprintf(stderr, "%s: other bytes\n", one.name.c_str());
      std::exit(4);
    }
  }
  std::fprintf(stderr, "%d disturbances\n", disturbances);
  std::exit(0);
}

TEST(ResumeDeathTest, D01_KilledAtRandomMomentsItEndsWithTheSameBytes) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(disturb_runs({SIGKILL}), testing::ExitedWithCode(0), "disturbances");
}

TEST(ResumeDeathTest, F06_StoppedBySignalsAtRandomMomentsItEndsWithTheSameBytes) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(disturb_runs({SIGTERM, SIGINT, SIGUSR1, SIGKILL}), testing::ExitedWithCode(0),
              "disturbances");
}

TEST(ResumeDeathTest, F06_SavesAndGoesOnAtUsr1) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const TemporaryFolder folder;
  FitOptions options = twenty_steps();
  options.checkpoints.folder = folder.path();
  options.checkpoints.every_seconds = 1e9;
  EXPECT_EXIT(
      {
        install_signal_handlers();
        Classifier model = test::load_model("vit-patch16");
        fit(model, images(), {images()}, options, {.on_epoch = [](const EpochReport& report) {
              if (report.epoch == 3) std::raise(SIGUSR1);
            }});
        std::exit(fs::exists(options.checkpoints.folder / "step-000012") ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace stockpot
