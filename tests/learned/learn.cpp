// Learning on twenty small pictures.
#include "stockpot/learned/learn.h"

#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "stockpot/train/divergence.h"
#include "stockpot/train/state_folder.h"
#include "tests/base/message_of.h"
#include "tests/learned/three_models.h"

namespace stockpot {
namespace {

using test::NearModels;

class Silent : public Progress {
 public:
  void say(const std::string& line) override { said.push_back(line); }
  void status(const std::string&) override {}
  std::vector<std::string> said;
};

class Learn : public testing::Test {
 protected:
  LearnResult run(LearnOptions options, Form form = Form::softmax, Rows rows = Rows::block) {
    MixedModel model(models.folders.front(), models.plan, {.rows = rows});
    Coefficients coefficients(form, model.row_names().size(), 3, true);
    return learn(model, pictures, coefficients, options, progress);
  }
  static LearnOptions small() {
    LearnOptions options;
    options.epochs = 3;
    options.batch_size = 6;
    options.seed = 4;
    return options;
  }

  NearModels models{"resnet18"};
  HeldOut pictures = models.pictures();
  Silent progress;
};

TEST_F(Learn, AdamWLowersTheLoss) {
  LearnOptions options = small();
  options.epochs = 6;
  const LearnResult result = run(options);
  EXPECT_EQ(result.steps, 6 * 4);
  ASSERT_EQ(result.losses.size(), 6u);
  EXPECT_LT(result.losses.back(), result.losses.front());
}

TEST_F(Learn, LbfgsLowersTheLossAtEveryIteration) {
  for (const Form form : {Form::softmax, Form::free}) {
    LearnOptions options = small();
    options.learner = Learner::lbfgs;
    options.iterations = 5;
    const LearnResult result = run(options, form);
    ASSERT_GE(result.losses.size(), 2u);
    for (std::size_t i = 1; i < result.losses.size(); ++i)
      EXPECT_LE(result.losses[i], result.losses[i - 1]);
    EXPECT_LT(result.losses.back(), result.losses.front());
  }
}

// Stops at every step in turn by leaving only the state of that step behind.
TEST_F(Learn, GoesOnFromEverySavedStepWithTheSameBits) {
  for (const Learner learner : {Learner::adamw, Learner::lbfgs}) {
    LearnOptions options = small();
    options.learner = learner;
    options.epochs = 2;
    options.iterations = 4;
    const LearnResult whole = run(options);
    options.every_seconds = 0;
    const std::int64_t steps = whole.steps;
    for (std::int64_t step = 1; step < steps; ++step) {
      options.folder = models / (std::string(name_of(learner)) + std::to_string(step));
      LearnOptions part = options;
      run(part);
      // The two newest states stay; damage the newest, so that the one before is gone on from.
      for (const auto& entry : fs::directory_iterator(options.folder))
        if (entry.path().filename() == state_name(steps))
          write_file(entry.path() / "state.json", "{}");
      std::vector<std::string> warnings;
      part.on_warning = [&](const std::string& text) { warnings.push_back(text); };
      const LearnResult again = run(part);
      EXPECT_FALSE(warnings.empty());
      EXPECT_EQ(again.parameters, whole.parameters);
      EXPECT_EQ(again.losses, whole.losses);
      EXPECT_EQ(again.steps, whole.steps);
    }
  }
}

TEST_F(Learn, ResultsDoNotDependOnThreads) {
  const int before = threads();
  set_threads(1);
  const LearnResult one = run(small());
  set_threads(3);
  const LearnResult three = run(small());
  set_threads(before);
  EXPECT_EQ(one.parameters, three.parameters);
}

TEST_F(Learn, AStateOfOtherSettingsIsRefused) {
  LearnOptions options = small();
  options.folder = models / "state";
  options.identity = Json::object({{"rows", "block"}});
  run(options);
  options.identity = Json::object({{"rows", "tensor"}});
  EXPECT_NE(message_of<UsageError>([&] { run(options); }).find("rows was \"block\""),
            std::string::npos)
      << message_of<UsageError>([&] { run(options); });
}

TEST_F(Learn, ALossThatIsNotFiniteEndsWithStepAndAdvice) {
  LearnOptions options = small();
  options.learning_rate = 1e30;
  const std::string message = message_of<Diverged>([&] { run(options, Form::free); });
  EXPECT_NE(message.find("step 2 of 12"), std::string::npos) << message;
  EXPECT_NE(message.find("--form softmax"), std::string::npos) << message;
}

}  // namespace
}  // namespace stockpot
