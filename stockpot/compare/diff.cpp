#include "stockpot/compare/diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "stockpot/base/text.h"
#include "stockpot/checkpoint/float_bits.h"
#include "stockpot/checkpoint/name_block.h"
#include "stockpot/merge/method.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Values = std::span<double>;

// Bytes of the elements first .. first + count - 1.
std::span<const std::byte> part(const TensorView& tensor, std::int64_t first, std::int64_t count) {
  return tensor.bytes.subspan(byte_count(tensor.dtype, first), byte_count(tensor.dtype, count));
}

template <typename Word>
std::int64_t other_words(std::span<const std::byte> a, std::span<const std::byte> b) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size() / sizeof(Word); ++i)
    count += load<Word>(a.data(), i) != load<Word>(b.data(), i);
  return count;
}

std::int64_t other_bits(std::span<const std::byte> a, std::span<const std::byte> b, int bits) {
  switch (bits) {
    case 8:
      return other_words<std::uint8_t>(a, b);
    case 16:
      return other_words<std::uint16_t>(a, b);
    case 32:
      return other_words<std::uint32_t>(a, b);
    default:
      return other_words<std::uint64_t>(a, b);
  }
}

struct TilePair {
  const TensorView& a;
  const TensorView& b;
  std::int64_t first, count;
  std::optional<double> tolerance;

  bool same_type() const { return a.dtype == b.dtype; }
  bool same_bytes() const {
    const auto left = part(a, first, count), right = part(b, first, count);
    return same_type() && std::memcmp(left.data(), right.data(), left.size()) == 0;
  }
};

std::int64_t count_differing(const TilePair& tile, Values a, Values b) {
  if (!tile.tolerance && tile.same_type())
    return other_bits(part(tile.a, tile.first, tile.count), part(tile.b, tile.first, tile.count),
                      row(tile.a.dtype).bits);
  const double limit = tile.tolerance.value_or(0);
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
    count += a[i] != b[i] && !both_nan && !(std::fabs(a[i] - b[i]) <= limit);
  }
  return count;
}

// Takes NaN and Inf out of the sums: they would hide every other number.
std::int64_t drop_not_finite(Values a, Values b) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(a[i]) && std::isfinite(b[i])) continue;
    a[i] = b[i] = 0;
    ++count;
  }
  return count;
}

PairStatistics tile_statistics(const TilePair& tile) {
  TileBuffer left, right;
  const Values a(left.data(), static_cast<std::size_t>(tile.count));
  const Values b(right.data(), a.size());
  PairStatistics result;
  result.elements = tile.count;
  read_values(tile.a, tile.first, a);
  if (tile.same_bytes()) {
    std::ranges::copy(a, b.begin());
  } else {
    read_values(tile.b, tile.first, b);
    result.differing = count_differing(tile, a, b);
  }
  result.not_finite = drop_not_finite(a, b);
  result.sums = compare_kernels::pair_sums(a, b);
  return result;
}

// The partial results of the tiles are added up in their order.
PairStatistics statistics_of(const TensorDifference& pair, const DiffOptions& options) {
  TensorJob job;
  job.models = {pair.a, pair.b};
  const std::int64_t tiles = (job.elements() + kTileElements - 1) / kTileElements;
  std::vector<PairStatistics> partial(static_cast<std::size_t>(tiles));
  for_each_part(job, [&](std::int64_t first, std::int64_t count) {
    partial[static_cast<std::size_t>(first / kTileElements)] =
        tile_statistics({*pair.a, *pair.b, first, count, options.tolerance});
  });
  PairStatistics total;
  for (const PairStatistics& tile : partial) total.add(tile);
  return total;
}

void compare_values(TensorDifference& pair, const DiffOptions& options) {
  if (!pair.same_shape()) return;
  const bool same_type = pair.a->dtype == pair.b->dtype;
  if (!has_numbers(pair.a->dtype) || !has_numbers(pair.b->dtype)) {
    pair.same_bits = same_type && std::ranges::equal(pair.a->bytes, pair.b->bytes);
    return;
  }
  pair.statistics = statistics_of(pair, options);
  // With a tolerance, elements that differ in their bits may count as equal.
  pair.same_bits =
      same_type && (options.tolerance ? std::ranges::equal(pair.a->bytes, pair.b->bytes)
                                      : pair.statistics->differing == 0);
}

std::vector<TensorDifference> pairs_by_name(const Checkpoint& a, const Checkpoint& b) {
  std::map<std::string, TensorDifference, decltype(&natural_less)> pairs(&natural_less);
  for (const TensorView& tensor : a.tensors()) pairs[tensor.name].a = &tensor;
  for (const TensorView& tensor : b.tensors()) pairs[tensor.name].b = &tensor;
  std::vector<TensorDifference> list;
  for (auto& [name, pair] : pairs) {
    pair.name = name;
    list.push_back(std::move(pair));
  }
  return list;
}

bool is_floating(const TensorDifference& pair) {
  return row(pair.a->dtype).floating && row(pair.b->dtype).floating;
}

void sum_up(CheckpointDiff& result) {
  std::map<std::string, std::size_t> place;
  for (const TensorDifference& pair : result.tensors) {
    const auto [found, added] = place.emplace(block_of(pair.name), result.blocks.size());
    if (added) result.blocks.push_back({found->first, 0, {}});
    BlockDifference& block = result.blocks[found->second];
    ++block.tensors;
    if (!pair.statistics || !is_floating(pair)) continue;
    block.statistics.add(*pair.statistics);
    result.whole.add(*pair.statistics);
  }
}

std::vector<std::vector<std::string>> without(const std::vector<std::vector<std::string>>& groups,
                                              const std::vector<std::vector<std::string>>& known) {
  std::vector<std::vector<std::string>> rest;
  for (const auto& group : groups)
    if (std::ranges::find(known, group) == known.end()) rest.push_back(group);
  return rest;
}

// Whether the pair counts as equal: bit for bit, or within the tolerance.
bool counts_as_equal(const TensorDifference& pair) {
  if (pair.same_bits) return true;
  return pair.same_shape() && pair.a->dtype == pair.b->dtype && pair.statistics &&
         pair.statistics->differing == 0;
}

}  // namespace

double PairStatistics::relative() const {
  if (sums.dd == 0) return 0;
  return sums.aa > 0 ? std::sqrt(sums.dd / sums.aa) : std::numeric_limits<double>::quiet_NaN();
}

double PairStatistics::cosine() const {
  if (sums.aa == 0 && sums.bb == 0) return 1;
  // The product of the sums may leave the range of numbers where their roots do not.
  const double norms = std::sqrt(sums.aa) * std::sqrt(sums.bb);
  if (norms == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(sums.ab / norms, -1.0, 1.0);
}

void PairStatistics::add(const PairStatistics& other) {
  sums.aa += other.sums.aa;
  sums.bb += other.sums.bb;
  sums.ab += other.sums.ab;
  sums.dd += other.sums.dd;
  sums.largest = std::max(sums.largest, other.sums.largest);
  elements += other.elements;
  differing += other.differing;
  not_finite += other.not_finite;
}

CheckpointDiff diff(const Checkpoint& a, const Checkpoint& b, const DiffOptions& options,
                    Progress& progress) {
  CheckpointDiff result;
  result.a = a.path();
  result.b = b.path();
  result.tensors = pairs_by_name(a, b);
  std::uint64_t done = 0;
  for (TensorDifference& pair : result.tensors) {
    compare_values(pair, options);
    done += (pair.a ? pair.a->bytes.size() : 0) + (pair.b ? pair.b->bytes.size() : 0);
    progress.status("compared " + human_bytes(done) + " of " + human_bytes(a.bytes() + b.bytes()));
  }
  sum_up(result);
  const auto &ties_a = a.ties(), &ties_b = b.ties();
  result.ties_only_in_a = without(ties_a, ties_b);
  result.ties_only_in_b = without(ties_b, ties_a);
  const bool same_ties = ties_a == ties_b;
  result.same_bits = same_ties && std::ranges::all_of(result.tensors, &TensorDifference::same_bits);
  result.equal = same_ties && std::ranges::all_of(result.tensors, counts_as_equal);
  return result;
}

}  // namespace stockpot
