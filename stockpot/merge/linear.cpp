#include "stockpot/merge/linear.h"

#include "stockpot/merge/combination.h"

namespace stockpot {
namespace {

class Linear : public MergeMethod {
 public:
  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const override {
    std::vector<double> coefficients = job.weights;
    for (double& coefficient : coefficients) coefficient *= job.scale;
    fill_combination(job, coefficients, first, out);
  }
};

}  // namespace

std::unique_ptr<MergeMethod> linear_method() { return std::make_unique<Linear>(); }

}  // namespace stockpot
