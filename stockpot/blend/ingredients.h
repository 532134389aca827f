// Many models as one pass over their files: mixed into the memory of one model, or multiplied with
// its gradient. Memory stays that of one model and a tile, whatever the number of models.
//
// With theta_j = sum_i alpha_ji theta_ij and g_j = dL/dtheta_j, tensor by tensor j, the gradient of
// the coefficients is dL/dalpha_ji = <g_j, theta_ij>: exact, from one backward pass of the mixed
// model (Wortsman et al. 2022, learned soups, without a graph through the mix).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// One tensor in every model, and how its values lie in the memory of the mixed one.
struct BlendTensor {
  std::string name;
  std::vector<const TensorView*> models;  // one each, of one shape, of types read_values() knows
  std::size_t group = 0;                  // row of the coefficients
  // Values in memory are [outer][pixels][channels] where files have [outer][channels][pixels];
  // both 1: the same order.
  std::int64_t channels = 1, pixels = 1;

  std::int64_t elements() const { return element_count(models.front()->shape); }
};

class Ingredients {
 public:
  // The views outlive this. `groups`: rows of coefficients. All tensors have as many models.
  // `mapped`: bytes of files that may stay mapped between passes, always of the same tensors. The
  // kernel can take such memory back at any time, but it counts as the process's.
  Ingredients(std::vector<BlendTensor> tensors, std::size_t groups, std::uint64_t mapped = 0);

  const std::vector<BlendTensor>& tensors() const { return tensors_; }
  std::size_t models() const { return models_; }
  std::size_t groups() const { return groups_; }
  std::int64_t elements() const;            // of one model
  std::uint64_t bytes() const;              // of all models: what a pass reads
  std::vector<std::int64_t> sizes() const;  // elements by group

  // values[t], elements() numbers of tensor t, becomes the sum of its models times
  // coefficients[group * models() + model], in fp64, rounded once.
  void mix(std::span<const double> coefficients, std::span<float* const> values) const;

  // The inner products of gradients[t] with the models, summed over the tensors of each group:
  // groups() x models(), in fp64, with the same bits for any number of threads.
  std::vector<double> products(std::span<const float* const> gradients) const;

 private:
  // A stretch of a tensor: what a thread works on before it lets go of the pages.
  struct Task {
    std::size_t tensor;
    std::int64_t first, count;
    std::size_t sums;  // of products(): its first partial sum
    bool stays;        // mapped
  };
  void cut(std::uint64_t mapped);
  template <typename Visit>
  void for_tiles(const Task& task, const Visit& visit) const;

  std::vector<BlendTensor> tensors_;
  std::size_t groups_, models_;
  std::vector<Task> tasks_;
  std::size_t sums_ = 0;
};

}  // namespace stockpot
