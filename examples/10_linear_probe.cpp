// Linear probing: features once, then the best penalty on held-out data.
//   10_linear_probe MODEL TRAIN HELD_OUT OUTPUT
#include <ATen/ops/from_blob.h>

#include <iostream>

#include "stockpot/eval/evaluate.h"
#include "stockpot/train/probe.h"

using namespace stockpot;

namespace {

at::Tensor labels_of(const ImageDataset& set) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < set.size(); ++i) labels.push_back(set.label(i));
  return at::from_blob(labels.data(), {set.size()}, at::kLong).clone();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  Classifier model = Classifier::load(ModelFolder::open(argv[1]));
  const ImageDataset train = ImageDataset::load({.sources = {parse_source(argv[2])}}, {});
  const ImageDataset held_out =
      ImageDataset::load({.sources = {parse_source(argv[3])}}, {.classes = train.classes()});

  const ProbeResult probe =
      fit_probe(extract_features(model, train), labels_of(train), extract_features(model, held_out),
                labels_of(held_out), static_cast<std::int64_t>(train.classes().size()),
                {.c = logspace(-7, 2, 100)});

  const ProbePoint& chosen = probe.path[probe.chosen];
  std::cout << "C = " << chosen.c << ", held-out accuracy " << chosen.held_out.value() << "\n";
  model.set_head(train.classes(), probe.weight, probe.bias);
  model.save(argv[4]);
}
