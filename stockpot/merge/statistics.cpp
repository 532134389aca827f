#include "stockpot/merge/statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include "stockpot/checkpoint/tensor_role.h"

namespace stockpot {

namespace {

// What one model adds to an element.
struct Member {
  double value, mean, share;
  // Some order that NaN has a place in, too.
  auto place() const { return std::bit_cast<std::array<std::uint64_t, 3>>(*this); }
};

// The mean of term(member), from the first one on, so that equal statistics stay as they are, bit
// for bit; equal shares are divided by once.
template <typename Term>
double mean_of(const std::vector<Member>& members, double divisor, const Term& term) {
  const double origin = term(members.front());
  double sum = 0;
  for (const Member& member : members) sum += member.share * (term(member) - origin);
  return origin + sum / divisor;
}

}  // namespace

void total_variance(std::span<const TensorView* const> sources, std::size_t models,
                    std::span<const double> shares, std::int64_t first, std::span<double> out) {
  std::vector<std::vector<double>> values;
  for (const TensorView* source : sources)
    read_values(*source, first, std::span(values.emplace_back(out.size())));
  const double divisor = shares.empty() ? static_cast<double>(models) : 1;
  const std::size_t variances = sources.size() - models;  // 0 when there are no means
  const bool outside = std::ranges::any_of(shares, [](double share) { return share < 0; }) &&
                       is_running_variance(sources.back()->name);
  std::vector<Member> members;
  for (std::size_t i = 0; i < out.size(); ++i) {
    members.clear();
    for (std::size_t m = 0; m < models; ++m) {
      const double share = shares.empty() ? 1 : shares[m];
      if (share != 0) members.push_back({values[variances + m][i], values[m][i], share});
    }
    // Where no model counts, there is nothing to mix.
    if (members.empty()) members.push_back({values.back()[i], values[models - 1][i], 0});
    // Not in the order of the models: it would decide about the last bit.
    std::ranges::sort(members, {}, &Member::place);
    out[i] = mean_of(members, divisor, [](const Member& member) { return member.value; });
    if (variances != 0) {
      const double centre =
          mean_of(members, divisor, [](const Member& member) { return member.mean; });
      double spread = 0;
      for (const Member& member : members)
        spread += member.share * (member.mean - centre) * (member.mean - centre);
      out[i] += spread / divisor;
    }
    if (outside) out[i] = out[i] < 0 ? 0 : out[i];
  }
}

std::vector<double> shares_of(std::span<const double> weights) {
  // Not in the order of the models: it would decide about the last bit.
  std::vector<double> ordered(weights.begin(), weights.end());
  std::ranges::sort(ordered);
  const double total = std::accumulate(ordered.begin(), ordered.end(), 0.0);
  const auto members = static_cast<double>(
      weights.size() - static_cast<std::size_t>(std::ranges::count(weights, 0.0)));
  std::vector<double> shares;
  for (const double weight : weights)
    shares.push_back(total != 0 ? weight / total : (weight != 0 ? 1 / members : 0));
  return shares;
}

}  // namespace stockpot
