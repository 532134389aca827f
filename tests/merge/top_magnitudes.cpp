#include "stockpot/merge/top_magnitudes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/merge/jobs.h"

namespace stockpot {
namespace {

// By sorting everything.
TopPart sorted_top(const std::vector<double>& tau, std::int64_t count) {
  if (count <= 0) return TopPart::none();
  if (count >= static_cast<std::int64_t>(tau.size())) return TopPart::all();
  std::vector<std::int64_t> order(tau.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size_of = [&](std::int64_t i) { return std::abs(tau[static_cast<std::size_t>(i)]); };
  std::ranges::stable_sort(order, [&](auto a, auto b) { return size_of(a) > size_of(b); });
  const std::int64_t last = order[static_cast<std::size_t>(count - 1)];
  return {std::bit_cast<std::uint64_t>(size_of(last)), last};
}

// Vectors of one model each, cut into three tensors; base zero.
void expect_exact(const std::vector<std::vector<double>>& vectors) {
  const std::size_t size = vectors.front().size();
  Ingredients ingredients;
  for (const auto& [begin, end] :
       {std::pair{std::size_t{0}, size / 3}, {size / 3, size / 3 + 1}, {size / 3 + 1, size}}) {
    std::vector<std::vector<double>> parts;
    for (const auto& vector : vectors)
      parts.emplace_back(vector.begin() + static_cast<std::ptrdiff_t>(begin),
                         vector.begin() + static_cast<std::ptrdiff_t>(end));
    ingredients.add("t" + std::to_string(begin), {static_cast<std::int64_t>(end - begin)},
                    std::vector<double>(end - begin, 0.0), parts);
  }
  const std::vector<TensorJob> jobs = ingredients.jobs();
  std::vector<TopRequest> requests;
  std::vector<TopPart> wanted;
  const auto all = static_cast<std::int64_t>(size);
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{1}, all / 100, all / 5, all / 2, all * 9 / 10, all - 1, all})
    for (std::size_t model = 0; model < vectors.size(); ++model) {
      requests.push_back({model, count});
      wanted.push_back(sorted_top(vectors[model], count));
    }
  EXPECT_EQ(top_magnitudes(jobs, requests), wanted);
}

TEST(TopMagnitudes, AreExactForManyDistributions) {
  for (const std::int64_t size : {5, 4'000, 200'000, 700'001}) {
    const std::vector<double> normal = normal_values(size, 1);
    std::vector<double> coarse = normal, few = normal, heavy = normal, rising = normal,
                        tiny = normal, mostly_zero = normal;
    for (double& x : coarse) x = std::round(x * 8) / 8;
    for (double& x : few) x = x > 1 ? 0x1p-13 : x > -0.5 ? 0 : -0x1p-12;
    for (double& x : heavy) x = std::exp(20 * x);
    std::iota(rising.begin(), rising.end(), 1.0);
    for (double& x : tiny) x *= 1e-300;
    for (double& x : mostly_zero) x = std::abs(x) < 2.5 ? 0 : x;
    expect_exact({normal, coarse, few, heavy});
    expect_exact({rising, tiny, mostly_zero, std::vector<double>(normal.size(), 0.25)});
  }
}

TEST(TopMagnitudes, DoNotFollowASampleThatMisleads) {
  // All that is large lies in a few neighbouring elements.
  std::vector<double> block(300'000, 1.0);
  for (std::size_t i = 150'000; i < 150'900; ++i) block[i] = 2 + static_cast<double>(i % 7);
  std::vector<double> spikes = normal_values(300'000, 2, 1e-6);
  for (std::size_t i = 0; i < spikes.size(); i += 1000) spikes[i] = 1e6 + static_cast<double>(i);
  expect_exact({block, spikes});
}

TEST(TopMagnitudes, KeepAndDropAreComplements) {
  const std::vector<double> values{3, -1, 0, 1, -2, 1, 5, -1};
  const TopPart part{std::bit_cast<std::uint64_t>(1.0), 103};  // the fifth of these
  for (std::size_t split = 0; split <= values.size(); ++split) {
    std::vector<double> kept = values, dropped = values;
    const auto tail = static_cast<std::int64_t>(split);
    keep_top(part, 100, std::span(kept).first(split));
    keep_top(part, 100 + tail, std::span(kept).subspan(split));
    drop_top(part, 100, std::span(dropped).first(split));
    drop_top(part, 100 + tail, std::span(dropped).subspan(split));
    EXPECT_EQ(kept, (std::vector<double>{3, -1, 0, 1, -2, 0, 5, 0}));
    EXPECT_EQ(dropped, (std::vector<double>{0, 0, 0, 0, 0, 1, 0, -1}));
  }
}

}  // namespace
}  // namespace stockpot
