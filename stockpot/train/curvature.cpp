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

void CurvatureHistory::add(CurvaturePair pair, std::int64_t weights) {
  const auto n = static_cast<std::int64_t>(pair.step.size());
  pairs_.push_back(std::make_shared<const CurvaturePair>(std::move(pair)));
  const CurvaturePair& newest = *pairs_.back();
  const std::size_t count = pairs_.size();
  BlockSums products(weights, 2 * count);
  for_each_block(n, weights, count,
                 [&](std::int64_t block, std::int64_t begin, std::int64_t size, bool is_weights) {
                   double* sums = products.part(block);
                   for (std::size_t i = 0; i < count; ++i) {
                     const float* step = pairs_[i]->step.data() + begin;
                     sums[2 * i] = dot(size, step, newest.change.data() + begin);
                     if (is_weights) sums[2 * i + 1] = dot(size, step, newest.step.data() + begin);
                   }
                 });
  const std::vector<double> sums = products.sums();
  if (!(sums[2 * count - 2] > 0)) {
    pairs_.pop_back();
    return;
  }
  step_change_.emplace_back();
  step_step_.emplace_back();
  for (std::size_t i = 0; i < count; ++i) {
    step_change_[i].resize(count);
    step_step_[i].resize(count);
  }
  for (std::size_t i = 0; i < count; ++i) {
    step_change_[i][count - 1] = sums[2 * i];
    step_step_[i][count - 1] = step_step_[count - 1][i] = sums[2 * i + 1];
  }
  if (count <= most_) return;
  pairs_.erase(pairs_.begin());
  for (auto* matrix : {&step_change_, &step_step_}) {
    matrix->erase(matrix->begin());
    for (std::vector<double>& row : *matrix) row.erase(row.begin());
  }
}

double CurvatureHistory::metric_scale(double c, double ridge, std::int64_t weights,
                                      const Solve& solve) const {
  if (pairs_.empty()) return 1;
  const CurvaturePair& newest = *pairs_.back();
  std::vector<float> change = newest.change;
  for (float& value : change) value *= static_cast<float>(c);
  add_scaled(weights, ridge, newest.step.data(), change.data());
  std::vector<float> solved = change;
  solve(solved.data());
  const double curvature = c * step_change_.back().back() + ridge * step_step_.back().back();
  return curvature / dot(static_cast<std::int64_t>(change.size()), change.data(), solved.data());
}

void CurvatureHistory::apply_inverse(double c, double ridge, std::int64_t weights,
                                     const Solve& solve, std::vector<float>& x) const {
  const std::size_t count = pairs_.size();
  if (count == 0) return solve(x.data());
  const auto n = static_cast<std::int64_t>(x.size());
  // R, the upper triangle of S'Y for the gradient's whole changes y = c * change + ridge * step.
  const auto r = [&](std::size_t i, std::size_t j) {
    return c * step_change_[i][j] + ridge * step_step_[i][j];
  };

  // x <- x - Y R^-1 S'x
  BlockSums along(weights, count);
  for_each_block(
      n, weights, count, [&](std::int64_t block, std::int64_t begin, std::int64_t size, bool) {
        for (std::size_t i = 0; i < count; ++i)
          along.part(block)[i] = dot(size, pairs_[i]->step.data() + begin, x.data() + begin);
      });
  std::vector<double> first = along.sums();
  for (std::size_t i = count; i-- > 0;) {
    for (std::size_t j = i + 1; j < count; ++j) first[i] -= r(i, j) * first[j];
    first[i] /= r(i, i);
  }
  for_each_block(n, weights, count,
                 [&](std::int64_t, std::int64_t begin, std::int64_t size, bool is_weights) {
                   for (std::size_t i = 0; i < count; ++i) {
                     const CurvaturePair& pair = *pairs_[i];
                     add_scaled(size, -c * first[i], pair.change.data() + begin,
                                is_weights ? -ridge * first[i] : 0, pair.step.data() + begin,
                                x.data() + begin);
                   }
                 });

  solve(x.data());

  // x <- x + S R^-T (D R^-1 S'x - Y'x), D the diagonal of R
  BlockSums across(weights, count);
  for_each_block(n, weights, count,
                 [&](std::int64_t block, std::int64_t begin, std::int64_t size, bool is_weights) {
                   for (std::size_t i = 0; i < count; ++i) {
                     const CurvaturePair& pair = *pairs_[i];
                     across.part(block)[i] =
                         dot(size, c, pair.change.data() + begin, is_weights ? ridge : 0,
                             pair.step.data() + begin, x.data() + begin);
                   }
                 });
  std::vector<double> second = across.sums();
  for (std::size_t i = 0; i < count; ++i) {
    second[i] = r(i, i) * first[i] - second[i];
    for (std::size_t j = 0; j < i; ++j) second[i] -= r(j, i) * second[j];
    second[i] /= r(i, i);
  }
  for_each_block(n, weights, count, [&](std::int64_t, std::int64_t begin, std::int64_t size, bool) {
    for (std::size_t i = 0; i < count; ++i)
      add_scaled(size, second[i], pairs_[i]->step.data() + begin, x.data() + begin);
  });
}

}  // namespace stockpot
