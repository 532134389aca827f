// Accuracy of one model on several sets, with 95 % intervals.
//   30_shift_report MODEL SET...
#include <iostream>

#include "stockpot/eval/evaluate.h"
#include "stockpot/metrics/accuracy.h"

using namespace stockpot;

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  Classifier model = Classifier::load(ModelFolder::open(argv[1]));
  for (int i = 2; i < argc; ++i) {
    const ImageDataset set =
        ImageDataset::load({.sources = {parse_source(argv[i])}}, {.classes = model.labels()});
    const Accuracy result = accuracy(predict(model, set));
    const Interval interval = wilson_interval(result);
    std::cout << argv[i] << ": " << result.value() << " (" << interval.low << " .. "
              << interval.high << ")\n";
  }
}
