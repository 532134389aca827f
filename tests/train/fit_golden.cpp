// Six to ten training steps are those of PyTorch (tests/fixtures/train/make.py).
#include <gtest/gtest.h>

#include "stockpot/train/fit.h"
#include "support.h"

namespace stockpot {
namespace {

FitOptions options_of(const Json& golden) {
  const auto text = [&](const char* key) { return golden.find(key)->as_string(); };
  const auto number = [&](const char* key) { return golden.find(key)->as_number(); };
  FitOptions options;
  options.epochs = static_cast<int>(number("steps"));
  options.batch_size = 20;  // all pictures: one step an epoch
  options.optimizer = text("optimizer") == "adamw" ? Optimizer::adamw : Optimizer::sgd;
  options.learning_rate = number("learning_rate");
  options.weight_decay = number("weight_decay");
  options.label_smoothing = number("label_smoothing");
  options.clip_norm = number("clip_norm");
  options.warmup = number("warmup");
  options.epsilon = number("epsilon");
  options.schedule = text("schedule") == "cosine"   ? Schedule::cosine
                     : text("schedule") == "linear" ? Schedule::linear
                                                    : Schedule::constant;
  options.batchnorm = text("batchnorm") == "live" ? BatchNorm::live : BatchNorm::frozen;
  return options;
}

TEST(Fit, LosesAsPyTorchDoes) {
  const ImageDataset images = test::load_images();
  const Json runs = Json::read(test::fixtures() / "train/fit.json");
  for (const Json& golden : runs.items()) {
    const std::string name = golden.find("model")->as_string();
    SCOPED_TRACE(name + " " + golden.find("optimizer")->as_string());
    Classifier model = test::load_model(name);
    const FitResult result = fit(model, images, {images}, options_of(golden));
    for (std::size_t i = 0; i < result.history.size(); ++i) {
      const double loss = golden.find("losses")->items()[i].as_number();
      const double held_out = golden.find("held_out_losses")->items()[i].as_number();
      EXPECT_NEAR(result.history[i].train_loss / loss, 1, i == 0 ? 5e-6 : 1e-4) << i;
      EXPECT_NEAR(result.history[i].held_out_loss / held_out, 1, 1e-4) << i;
    }
  }
}

}  // namespace
}  // namespace stockpot
