// The second half of LP-FT: fine-tune the whole model from a linear probe (see
// 10_linear_probe), with the epoch chosen on held-out data.
//   20_lp_ft PROBED_MODEL TRAIN HELD_OUT OUTPUT
#include <iostream>

#include "stockpot/train/fit.h"

using namespace stockpot;

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  Classifier model = Classifier::load(ModelFolder::open(argv[1]));
  const LoadOptions of_the_model{.classes = model.labels()};
  const ImageDataset train = ImageDataset::load({.sources = {parse_source(argv[2])}}, of_the_model);
  const HeldOut held_out{ImageDataset::load({.sources = {parse_source(argv[3])}}, of_the_model)};

  const FitResult result = fit(
      model, train, held_out,
      {.epochs = 4,
       .learning_rate = 3e-4,
       .batchnorm = BatchNorm::frozen,
       .augmentation = augmentation_preset("minimal"),
       .seed = 17},
      {.on_epoch = [](const EpochReport& epoch) { std::cout << epoch.to_json().dump() << "\n"; }});

  std::cout << "best epoch " << result.best_epoch << "\n";
  model.save(argv[4]);
}
