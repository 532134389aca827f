// Small models as trainings make them: a random start, and small changes of one start.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "stockpot/base/random.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "tests/base/temporary_folder.h"
#include "tests/checkpoint/files.h"

namespace stockpot {

struct Silent : Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

using Tensors = std::vector<OwnedTensor>;

inline OwnedTensor random_tensor(const std::string& name, Shape shape, std::uint64_t seed,
                                 std::uint64_t place) {
  RandomStream random(seed, Purpose::test, 0, place);
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  for (float& value : values) value = static_cast<float>(0.05 * random.normal());
  return make_tensor(name, Dtype::f32, std::move(shape), values);
}

// Two layers, a norm and a head of `classes` rows.
inline Tensors scratch(std::uint64_t seed, std::int64_t classes = 10) {
  Tensors tensors{random_tensor("head.weight", {classes, 48}, seed, 0),
                  random_tensor("layers.0.weight", {64, 48}, seed, 1),
                  random_tensor("layers.1.weight", {48, 64}, seed, 2),
                  make_tensor("norm.weight", Dtype::f32, {48}, std::vector<float>(48, 1.0f))};
  return tensors;
}

// A fine-tuning: every value moves by N(0, size^2).
inline Tensors moved(Tensors tensors, double size, std::uint64_t seed) {
  RandomStream random(seed, Purpose::test, 1);
  for (OwnedTensor& tensor : tensors) {
    std::vector<float> values = float_values(tensor.view());
    for (float& value : values) value += static_cast<float>(size * random.normal());
    tensor = make_tensor(tensor.name, tensor.dtype, tensor.shape, values);
  }
  return tensors;
}

// Writes the files NAME.safetensors of one test.
class Kitchen {
 public:
  fs::path write(const std::string& name, const Tensors& tensors) const {
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    const fs::path file = folder_.path() / (name + ".safetensors");
    write_safetensors(file, views);
    return file;
  }
  Checkpoint open(const std::string& name, const Tensors& tensors) const {
    return Checkpoint::open(write(name, tensors));
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace stockpot
