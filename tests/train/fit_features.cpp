// The features of training against their own libraries (tests/fixtures/train/make_features.py).
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "stockpot/model/network.h"
#include "stockpot/train/fit.h"
#include "stockpot/train/gradient.h"
#include "stockpot/train/parameter_rules.h"
#include "stockpot/train/weight_averages.h"
#include "support.h"

namespace stockpot {
namespace {

const Json& golden(const char* part) {
  static const Json all = Json::read(test::fixtures() / "train/features.json");
  return *all.find(part);
}

std::vector<float> floats(const Json& list) {
  std::vector<float> values;
  for (const Json& value : list.items()) values.push_back(static_cast<float>(value.as_number()));
  return values;
}

FitOptions options_of(const Json& run) {
  const auto text = [&](const char* key) { return run.find(key)->as_string(); };
  const auto number = [&](const char* key) { return run.find(key)->as_number(); };
  const auto count = [&](const char* key) { return static_cast<int>(run.find(key)->as_integer()); };
  static const std::map<std::string, Optimizer> optimizers = {
      {"adamw", Optimizer::adamw}, {"sgd", Optimizer::sgd}, {"adafactor", Optimizer::adafactor}};
  static const std::map<std::string, Trained> trained = {
      {"all", Trained::all},
      {"head", Trained::head},
      {"batchnorm", Trained::batchnorm},
      {"top", Trained::top},
      {"without_bottom", Trained::without_bottom}};
  FitOptions options;
  options.epochs = count("steps");
  options.batch_size = 20;  // all pictures: one step an epoch
  options.optimizer = optimizers.at(text("optimizer"));
  options.schedule = Schedule::constant;
  options.learning_rate = number("learning_rate");
  options.weight_decay = number("weight_decay");
  options.epsilon = number("epsilon");
  options.clip_norm = number("clip_norm");
  options.batchnorm = text("batchnorm") == "live" ? BatchNorm::live : BatchNorm::frozen;
  options.nesterov = run.find("nesterov")->as_bool();
  options.sam_rho = number("sam_rho");
  options.layer_decay = number("layer_decay");
  options.head_rate = number("head_rate");
  options.freezing = {trained.at(text("trained")), count("blocks"), count("head_epochs"),
                      count("unfreeze_every")};
  options.l2_sp = {number("l2_backbone"), number("l2_head")};
  options.accumulation = count("accumulation");
  if (number("ema") > 0) options.ema.decays = {number("ema")};
  options.swa_epochs = count("swa_epochs");
  return options;
}

std::string name_of(const Json& run) {
  std::string name;
  for (const auto& [key, value] : run.members())
    if (!value.is_array()) name += key + "=" + value.dump() + " ";
  return name;
}

TEST(Features, LoseAsTheirOwnLibrariesDo) {
  const ImageDataset images = test::load_images();
  for (const Json& run : golden("runs").items()) {
    SCOPED_TRACE(name_of(run));
    const FitOptions options = options_of(run);
    Classifier model = test::load_model(run.find("model")->as_string());
    const FitResult result = fit(model, images, {images}, options);
    // Under live BatchNorm a rounding that switches a ReLU changes this tiny network: by 0.7 % in
    // the sixth step of one run, with some of oneDNN's instruction sets and numbers of threads. An
    // average of the weights moves less than the last of them.
    const double most = options.batchnorm == BatchNorm::live ? 1e-2 : 1e-4;
    double apart = 1e-4;
    for (std::size_t i = 0; i < result.history.size(); ++i) {
      const double loss = run.find("losses")->items()[i].as_number();
      const double held_out = run.find("held_out_losses")->items()[i].as_number();
      EXPECT_NEAR(result.history[i].train_loss / loss, 1, i == 0 ? 5e-6 : 1e-4) << i;
      EXPECT_NEAR(result.history[i].held_out_loss / held_out, 1, most) << i;
      apart = std::max(apart, std::abs(result.history[i].held_out_loss / held_out - 1));
    }
    for (const AveragedModel& average : result.averages) {
      const Json* loss = run.find(average.name == "swa" ? "swa_loss" : "ema_loss");
      ASSERT_NE(loss, nullptr);
      EXPECT_NEAR(average.held_out_loss / loss->as_number(), 1, apart) << average.name;
    }
  }
}

TEST(LearningRate, FallsInStepsAsTorchs) {
  for (const Json& golden_case : golden("schedules").items()) {
    FitOptions options;
    options.schedule = Schedule::step;
    options.learning_rate = 2;
    options.epochs = static_cast<int>(golden_case.find("epochs")->as_integer());
    options.step_epochs = static_cast<int>(golden_case.find("step_epochs")->as_integer());
    options.gamma = golden_case.find("gamma")->as_number();
    for (const Json& share : golden_case.find("milestones")->items())
      options.milestones.push_back(share.as_number());
    const auto& rates = golden_case.find("rates")->items();
    const auto steps = static_cast<std::int64_t>(rates.size());
    for (std::int64_t step = 0; step < steps; ++step)
      EXPECT_NEAR(learning_rate_at(options, step, steps),
                  rates[static_cast<std::size_t>(step)].as_number(), 1e-7)
          << step;
  }
}

TEST(ParameterRules, DecayTheRateByDepthAsTimm) {
  for (const Json& golden_case : golden("layer_decay").items()) {
    const Classifier model = test::load_model(golden_case.find("model")->as_string());
    FitOptions options;
    options.layer_decay = golden_case.find("layer_decay")->as_number();
    EXPECT_EQ(golden_case.find("factors")->members().size(), model.parameters().size());
    for (const Parameter& parameter : model.parameters()) {
      const Json* factor = golden_case.find("factors")->find(parameter.name);
      ASSERT_NE(factor, nullptr) << parameter.name;
      EXPECT_NEAR(rule_of(parameter, model.blocks(), options).rate, factor->as_number(), 1e-7)
          << parameter.name;
    }
  }
}

TEST(WeightAverages, AreThoseOfTimm) {
  const at::NoGradGuard no_grad;
  for (const Json& golden_case : golden("ema").items()) {
    Classifier model = test::load_model("vit-patch16");
    FitOptions options;
    const double decay = golden_case.find("decay")->as_number();
    const bool warmup = golden_case.find("warmup")->as_bool();
    options.ema = {{decay}, warmup};
    WeightAverages averages(model, options);
    for (std::int64_t step = 1; step <= 8; ++step) {
      const auto i = static_cast<std::size_t>(step - 1);
      EXPECT_NEAR(ema_decay(decay, warmup, step),
                  golden_case.find("decays")->items()[i].as_number(), 1e-8);
      const at::Tensor three = model.flat_values().slice(0, 0, 3);
      three.copy_(at::tensor(floats(golden_case.find("values")->items()[i])));
      averages.after_step(model, step);
      const at::Tensor expected = at::tensor(floats(golden_case.find("means")->items()[i]));
      EXPECT_LT(test::largest_difference(averages.all()[0].weights.values.slice(0, 0, 3), expected),
                1e-6)
          << step;
    }
  }
}

TEST(TrainingBatch, IsMixedAsTimmDoes) {
  for (const Json& golden_case : golden("mixup").items()) {
    const auto tensor = [&](const char* key, std::vector<std::int64_t> sizes) {
      return at::tensor(floats(*golden_case.find(key))).view(sizes);
    };
    const auto& box = golden_case.find("box")->items();
    const auto side = [&](std::size_t i) { return static_cast<int>(box[i].as_integer()); };
    const Mixing mixing{golden_case.find("lambda")->as_number(),
                        golden_case.find("cutmix")->as_bool(),
                        side(0),
                        side(1),
                        side(2),
                        side(3)};
    EXPECT_LT(test::largest_difference(mix(tensor("images", {5, 2, 3, 4}), mixing),
                                       tensor("mixed", {5, 2, 3, 4})),
              1e-6);
    TrainingBatch batch;
    std::vector<std::int64_t> labels;
    for (const Json& label : golden_case.find("labels")->items())
      labels.push_back(label.as_integer());
    batch.labels = at::tensor(labels);
    batch.partners = batch.labels.flip({0});
    batch.shares = {at::full({}, mixing.lambda, at::kFloat),
                    at::full({}, 1 - mixing.lambda, at::kFloat)};
    const Loss loss =
        batch.loss(tensor("logits", {5, 4}), golden_case.find("smoothing")->as_number());
    EXPECT_NEAR(loss.mean.item<double>(), golden_case.find("loss")->as_number(), 2e-6);
    EXPECT_LT(test::largest_difference(loss.gradient, tensor("gradient", {5, 4})), 1e-6);
  }
}

}  // namespace
}  // namespace stockpot
