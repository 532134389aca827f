// What a rank of the tests of joint training does; its first argument names it. Errors become the
// exit codes of the command line.
#include <csignal>
#include <functional>
#include <iostream>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/signals.h"
#include "stockpot/parallel/world.h"
#include "stockpot/train/fit.h"
#include "support.h"
#include "tests/parallel/ranks.h"

namespace stockpot {
namespace {

World join() { return World::join(launch_variables(), {.timeout = std::chrono::seconds(30)}); }

// 20 rows: seven epochs of three steps, the last one of four rows.
FitOptions small_steps() {
  FitOptions options;
  options.epochs = 7;
  options.batch_size = 8;
  options.learning_rate = 1e-3;
  options.batchnorm = BatchNorm::frozen;
  options.seed = 5;
  options.loader_threads = 0;
  return options;
}

struct Case {
  std::string name, model;
  std::function<void(FitOptions&)> set;
};

std::vector<Case> cases() {
  const auto sgd = [](FitOptions& o) {
    o.optimizer = Optimizer::sgd;
    o.learning_rate = 1e-3;
  };
  return {
      // The gradient of an attention key's bias is zero but for rounding, which AdamW's usual
      // epsilon
      // makes steps of.
      {"AdamW", "vit-patch16",
       [](FitOptions& o) {
         o.learning_rate = 1e-4;
         o.epsilon = 1e-5;
       }},
      {"SGD", "vit-patch16", sgd},
      {"dropout and drop path", "vit-patch16",
       [=](FitOptions& o) {
         sgd(o);
         o.head_dropout = 0.3;
         o.drop_path = 0.4;
       }},
      {"drop path and mixup", "resnet18",
       [=](FitOptions& o) {
         sgd(o);
         o.drop_path = 0.4;
         o.mixing.mixup_alpha = 0.5;
         o.loader_threads = 2;
       }},
      {"cutmix, smoothing, clipping, augmentation", "resnet18",
       [=](FitOptions& o) {
         sgd(o);
         o.mixing.cutmix_alpha = 1;
         o.label_smoothing = 0.1;
         o.clip_norm = 0.1;
         o.augmentation = augmentation_preset("strong");
       }},
      {"sharpness, parts, penalty, averages", "vit-patch16",
       [=](FitOptions& o) {
         sgd(o);
         o.sam_rho = 0.05;
         o.accumulation = 2;
         o.l2_sp = {0.01, 0.01};
         o.ema.decays = {0.9};
       }},
      // Few steps of many rows: under live BatchNorm rounding grows where ReLUs switch.
      {"live BatchNorm", "resnet18",
       [=](FitOptions& o) {
         sgd(o);
         o.batchnorm = BatchNorm::live;
         o.batch_size = 20;
       }},
      {"live BatchNorm, sharpness, drop path", "resnet18",
       [=](FitOptions& o) {
         sgd(o);
         o.batchnorm = BatchNorm::live;
         o.batch_size = 20;
         o.epochs = 2;
         o.sam_rho = 0.05;
         o.drop_path = 0.2;
       }},
      {"live BatchNorm, mixed pairs", "resnet18",
       [=](FitOptions& o) {
         sgd(o);
         o.batchnorm = BatchNorm::live;
         o.batch_size = 18;  // the last batch is one pair: a rank has none
         o.epochs = 2;
         o.mixing.mixup_alpha = 0.5;
       }},
      // The last batch has one row: a rank has none.
      {"a rank without rows", "vit-patch16",
       [=](FitOptions& o) {
         sgd(o);
         o.batch_size = 19;
         o.loader_threads = 1;
         o.head_dropout = 0.3;
       }},
  };
}

void compare_with_one_process() {
  World world = join();
  const ImageDataset images = test::load_images();
  for (const Case& one : cases()) {
    FitOptions options = small_steps();
    one.set(options);
    Classifier alone = test::load_model(one.model), together = test::load_model(one.model);
    const FitResult first = fit(alone, images, {images}, options);
    const FitResult second = fit(together, images, {images}, options, {}, world);
    const double apart = test::largest_difference(alone.flat_values(), together.flat_values());
    const double moved =
        test::largest_difference(alone.flat_values(), test::load_model(one.model).flat_values());
    std::cout << one.name << ": " << apart << " apart, " << moved << " from the start\n";
    // Sharpness divides by the gradient's norm, and ReLUs switch.
    const bool touchy = options.batchnorm == BatchNorm::live && options.sam_rho > 0;
    const double most = touchy ? 1e-5 : 1e-6;
    if (!(apart <= most)) throw RunError(one.name + ": not the weights of one process");
    if (moved < 1e-5) throw RunError(one.name + ": nothing was trained");
    for (std::size_t i = 0; i < first.history.size(); ++i)
      if (first.history[i].held_out != second.history[i].held_out ||
          first.history[i].train_accuracy != second.history[i].train_accuracy ||
          std::abs(first.history[i].train_loss - second.history[i].train_loss) > 1e-5)
        throw RunError(one.name + ": not the report of one process in epoch " + std::to_string(i) +
                       ": losses " + std::to_string(first.history[i].train_loss) + " and " +
                       std::to_string(second.history[i].train_loss));
  }
}

// "train STATE OUT WHAT": in epoch 3 rank 1 does WHAT.
void train(const std::vector<std::string>& scenario) {
  install_signal_handlers();
  World world = join();
  const ImageDataset images = test::load_images();
  FitOptions options = small_steps();
  options.drop_path = 0.2;
  options.ema.decays = {0.9};
  options.lawa_epochs = 5;
  options.swad = SwadOptions{1, 4, 1e-6};
  options.checkpoints.folder = scenario.at(1);
  options.checkpoints.every_seconds = 0;
  const std::string what = scenario.at(3);
  if (what == "another rate" && world.rank() == 1) options.learning_rate *= 2;
  Classifier model = test::load_model("vit-patch16");
  FitCallbacks callbacks;
  callbacks.on_resume = [](const ResumeReport& report) {
    std::cout << "resumed after step " << report.step << "\n";
  };
  callbacks.on_epoch = [&](const EpochReport& report) {
    if (report.epoch != 3 || world.rank() != 1) return;
    if (what == "die") raise(SIGKILL);
    if (what == "stop") raise(SIGTERM);
    if (what == "nan") model.flat_values().fill_(std::numeric_limits<float>::quiet_NaN());
    if (what == "leave") throw FormatError("photos/a.png", "truncated");
  };
  try {
    const FitResult result = fit(model, images, {images}, options, callbacks, world);
    std::string all = test::bits(model);
    if (result.averages.size() != 3) throw RunError("not all averages are there");
    for (const AveragedModel& average : result.averages)
      for (const OwnedTensor& tensor : average.state)
        all.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    world.agree("result", all);
    world.on_root([&] { write_file(scenario.at(2), all); });
  } catch (const std::exception& error) {
    world.leave(error.what());
    throw;
  }
}

}  // namespace

int rank_main(const std::vector<std::string>& scenario) {
  const auto say = [](const std::exception& error, int code) {
    std::cout << error.what() << std::endl;
    return code;
  };
  try {
    if (scenario.at(0) == "compare") compare_with_one_process();
    if (scenario.at(0) == "train") train(scenario);
    return 0;
  } catch (const UsageError& error) {
    return say(error, 2);
  } catch (const FormatError& error) {
    return say(error, 3);
  } catch (const RunError& error) {
    return say(error, 4);
  } catch (const Interrupted& error) {
    return say(error, 75);
  } catch (const std::exception& error) {
    return say(error, 1);
  }
}

}  // namespace stockpot
