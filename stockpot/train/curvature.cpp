#include "stockpot/train/curvature.h"

#include <algorithm>

#include "stockpot/model/blocks.h"

namespace stockpot {
namespace {

// Numbers that are worked on at once, with all pairs: they stay in the first-level cache.
constexpr std::int64_t kBlock = 512;
// Fewer numbers of pairs than this, some ten microseconds of work, are not worth waking other
// threads for.
constexpr std::int64_t kMuch = 1 << 17;

using Rows = std::vector<const float*>;
// body(block, begin, size, is_weights) for blocks that hold either weights or intercepts.
using Body = std::function<void(std::int64_t, std::int64_t, std::int64_t, bool)>;

std::int64_t block_count(std::int64_t weights) { return (weights + kBlock - 1) / kBlock + 1; }

void for_each_block(std::int64_t n, std::int64_t weights, std::size_t pairs, const Body& body) {
  const std::int64_t count = block_count(weights);
  const auto run = [&](std::int64_t block) {
    if (block + 1 == count) return body(block, weights, n - weights, false);
    body(block, block * kBlock, std::min(kBlock, weights - block * kBlock), true);
  };
  if (n * static_cast<std::int64_t>(pairs) < kMuch)
    for (std::int64_t block = 0; block < count; ++block) run(block);
  else
    for_blocks(count, run);
}

// Sums of `count` numbers over the blocks, in their order.
class BlockSums {
 public:
  BlockSums(std::int64_t weights, std::size_t count)
      : count_(count), parts_(static_cast<std::size_t>(block_count(weights)) * count) {}
  double* part(std::int64_t block) {
    return parts_.data() + static_cast<std::size_t>(block) * count_;
  }
  std::vector<double> sums() const {
    std::vector<double> total(count_);
    for (std::size_t i = 0; i < parts_.size(); ++i) total[i % count_] += parts_[i];
    return total;
  }

 private:
  std::size_t count_;
  std::vector<double> parts_;
};

}  // namespace

std::vector<double> CurvatureHistory::add(CurvaturePair pair, std::int64_t weights,
                                          const std::vector<float>& x) {
  const auto n = static_cast<std::int64_t>(pair.step.size());
  pairs_.push_back(std::make_shared<const CurvaturePair>(std::move(pair)));
  const CurvaturePair& newest = *pairs_.back();
  const std::size_t count = pairs_.size();
  BlockSums products(weights, 3 * count);
  for_each_block(n, weights, count,
                 [&](std::int64_t block, std::int64_t begin, std::int64_t size, bool is_weights) {
                   double* sums = products.part(block);
                   for (std::size_t i = 0; i < count; ++i) {
                     const float* step = pairs_[i]->step.data() + begin;
                     sums[i] = dot(size, step, x.data() + begin);
                     sums[count + i] = dot(size, step, newest.change.data() + begin);
                     if (is_weights)
                       sums[2 * count + i] = dot(size, step, newest.step.data() + begin);
                   }
                 });
  std::vector<double> sums = products.sums();
  const double *with_change = &sums[count], *with_step = &sums[2 * count];
  std::vector<double> along(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(count));
  if (!(with_change[count - 1] > 0)) {
    pairs_.pop_back();
    along.pop_back();
    return along;
  }
  step_change_.emplace_back();
  step_step_.emplace_back();
  for (std::size_t i = 0; i < count; ++i) {
    step_change_[i].resize(count);
    step_step_[i].resize(count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    step_change_[i][count - 1] = with_change[i];
    step_step_[i][count - 1] = step_step_[count - 1][i] = with_step[i];
  }
  if (count <= most_) return along;
  pairs_.erase(pairs_.begin());
  along.erase(along.begin());
  for (auto* matrix : {&step_change_, &step_step_}) {
    matrix->erase(matrix->begin());
    for (std::vector<double>& row : *matrix) row.erase(row.begin());
  }
  return along;
}

std::vector<double> CurvatureHistory::along(std::int64_t weights,
                                            const std::vector<float>& x) const {
  const std::size_t count = pairs_.size();
  BlockSums products(weights, count);
  for_each_block(static_cast<std::int64_t>(x.size()), weights, count,
                 [&](std::int64_t block, std::int64_t begin, std::int64_t size, bool) {
                   for (std::size_t i = 0; i < count; ++i)
                     products.part(block)[i] =
                         dot(size, pairs_[i]->step.data() + begin, x.data() + begin);
                 });
  return products.sums();
}

double CurvatureHistory::metric_scale(double c, double ridge, std::int64_t weights,
                                      const InverseMetric& metric) const {
  if (pairs_.empty()) return 1;
  const CurvaturePair& newest = *pairs_.back();
  const auto n = static_cast<std::int64_t>(newest.step.size());
  const auto whole = [&](const std::vector<float>& change, const std::vector<float>& step,
                         std::int64_t penalised) {
    std::vector<float> y(change.size());
    add_scaled(penalised, c, change.data(), ridge, step.data(), y.data());
    const auto free = static_cast<std::int64_t>(y.size()) - penalised;
    add_scaled(free, c, change.data() + penalised, y.data() + penalised);
    return y;
  };
  const std::vector<float> y = whole(newest.change, newest.step, weights);
  const std::vector<float> inside = whole(newest.change_inside, newest.step_inside,
                                          static_cast<std::int64_t>(newest.step_inside.size()));
  const std::size_t last = pairs_.size() - 1;
  return r(c, ridge, last, last) / metric.squared(n, weights, y.data(), inside);
}

CurvatureHistory::Half CurvatureHistory::half_of_inverse(double c, double ridge,
                                                         std::int64_t weights,
                                                         std::vector<double> along,
                                                         std::vector<float> x) const {
  const std::size_t count = pairs_.size();
  Half half;
  half.first = std::move(along);
  for (std::size_t i = count; i-- > 0;) {
    for (std::size_t j = i + 1; j < count; ++j) half.first[i] -= r(c, ridge, i, j) * half.first[j];
    half.first[i] /= r(c, ridge, i, i);
    half.known += r(c, ridge, i, i) * half.first[i] * half.first[i];
  }
  half.rest = std::move(x);
  BlockSums over_weights(weights, count), over_intercepts(weights, count);
  for_each_block(static_cast<std::int64_t>(half.rest.size()), weights, count,
                 [&](std::int64_t block, std::int64_t begin, std::int64_t size, bool is_weights) {
                   float* rest = half.rest.data() + begin;
                   const double penalty = is_weights ? ridge : 0;
                   for (std::size_t i = 0; i < count; ++i)
                     add_scaled(size, -c * half.first[i], pairs_[i]->change.data() + begin,
                                -penalty * half.first[i], pairs_[i]->step.data() + begin, rest);
                   double* sums = (is_weights ? over_weights : over_intercepts).part(block);
                   for (std::size_t i = 0; i < count; ++i)
                     sums[i] = dot(size, c, pairs_[i]->change.data() + begin, penalty,
                                   pairs_[i]->step.data() + begin, rest);
                 });
  half.weight_changes = over_weights.sums();
  half.intercept_changes = over_intercepts.sums();
  return half;
}

void CurvatureHistory::add_other_half(double c, double ridge, std::int64_t weights,
                                      const Half& half, const InverseMetric& metric,
                                      const std::vector<float>& inside,
                                      std::vector<float>& x) const {
  const std::size_t count = pairs_.size();
  const std::vector<float> weighted = metric.weighted(inside);
  // x += S R^-T (D first - Y' M^-1 rest)
  std::vector<double> second(count);
  for (std::size_t i = 0; i < count; ++i) {
    const CurvaturePair& pair = *pairs_[i];
    const double changes =
        metric.rest * half.weight_changes[i] + metric.intercept * half.intercept_changes[i] +
        dot(static_cast<std::int64_t>(weighted.size()), c, pair.change_inside.data(), ridge,
            pair.step_inside.data(), weighted.data());
    second[i] = r(c, ridge, i, i) * half.first[i] - changes;
    for (std::size_t j = 0; j < i; ++j) second[i] -= r(c, ridge, j, i) * second[j];
    second[i] /= r(c, ridge, i, i);
  }
  for_each_block(static_cast<std::int64_t>(x.size()), weights, count,
                 [&](std::int64_t, std::int64_t begin, std::int64_t size, bool) {
                   for (std::size_t i = 0; i < count; ++i)
                     add_scaled(size, second[i], pairs_[i]->step.data() + begin, x.data() + begin);
                 });
}

}  // namespace stockpot
