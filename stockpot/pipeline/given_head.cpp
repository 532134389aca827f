#include "stockpot/pipeline/given_head.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace stockpot {

void put_head(const GivenHead& head, const std::vector<std::string>& classes, Classifier& model) {
  const auto rows = static_cast<std::int64_t>(classes.size());
  at::Tensor weight = at::empty({rows, model.folder().feature_size}, at::kFloat);
  at::Tensor bias = at::empty({rows}, at::kFloat);
  std::ranges::copy(head.weight, weight.data_ptr<float>());
  std::ranges::copy(head.bias, bias.data_ptr<float>());
  model.set_head(classes, weight, bias);
}

}  // namespace stockpot
