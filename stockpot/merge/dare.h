// DARE (Yu et al. 2023, "Language Models are Super Mario: Absorbing Abilities from Homologous
// Models as a Free Lunch"): of each task vector, every element stays with probability `density`,
// independently, and is divided by it; its expectation is the task vector.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "stockpot/merge/task_vectors.h"

namespace stockpot {

struct DareOptions {
  double density = 0.5;
  bool rescale = true;  // divide by the density
  std::uint64_t seed = 0;
};

// Whether an element stays depends on the seed, its model's key, the name of the tensor and
// its index only. model_keys: one for each model by TensorJob::origin, which should follow
// from the model's content, so that the order of the models changes nothing.
std::unique_ptr<Sparsifier> random_drop(const DareOptions& options,
                                        std::vector<std::uint64_t> model_keys);

struct DareMergeOptions {
  bool elect = false;      // TIES' election of signs (without its trim) instead of the sum
  bool normalize = false;  // divide by the sum of the weights that took part
  double lambda = 1;
};

std::unique_ptr<MergeMethod> dare(const DareOptions& options, const DareMergeOptions& merge,
                                  std::vector<std::uint64_t> model_keys);

}  // namespace stockpot
