#include "stockpot/parallel/sums.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "stockpot/parallel/rows.h"

namespace stockpot {
namespace {

constexpr std::int64_t kBucket = std::int64_t{1} << 20;  // elements; 4 MB of float32

// One bucket on its way: parts to their owners, sums back to everyone.
class OrderedBucket {
 public:
  OrderedBucket(Collectives& collectives, at::Tensor bucket, int rank, int size)
      : collectives_(collectives), bucket_(std::move(bucket)), size_(size) {
    for (int r = 0; r < size; ++r) parts_.push_back(rows_of_rank(bucket_.numel(), r, size).size());
    own_.assign(static_cast<std::size_t>(size), parts_[static_cast<std::size_t>(rank)]);
    received_ = at::empty({own_.front() * size}, bucket_.options());
    wait_ = collectives_.exchange(received_, bucket_, own_, parts_);
  }

  void add_and_return() {
    wait_();
    const at::Tensor parts = received_.view({size_, own_.front()});
    const at::Tensor sum = parts.select(0, 0).clone();
    for (int r = 1; r < size_; ++r) sum.add_(parts.select(0, r));
    parts.copy_(sum.unsqueeze(0).expand_as(parts));
    wait_ = collectives_.exchange(bucket_, received_, parts_, own_);
  }

  void finish() { wait_(); }

 private:
  Collectives& collectives_;
  at::Tensor bucket_, received_;
  int size_;
  std::vector<std::int64_t> parts_, own_;  // elements: of each rank; this rank's, for each rank
  Collectives::Wait wait_;
};

template <typename Take>
void for_each_bucket(const at::Tensor& flat, const Take& take) {
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kBucket)
    take(flat.narrow(0, begin, std::min(kBucket, flat.numel() - begin)));
}

}  // namespace

void sum_in_buckets(Collectives& collectives, const at::Tensor& flat) {
  std::vector<Collectives::Wait> waits;
  for_each_bucket(flat,
                  [&](const at::Tensor& bucket) { waits.push_back(collectives.sum(bucket)); });
  for (const auto& wait : waits) wait();
}

void sum_in_rank_order(Collectives& collectives, const at::Tensor& flat, int rank, int size) {
  // a + b and b + a have the same bits.
  if (size == 2) return sum_in_buckets(collectives, flat);
  std::vector<OrderedBucket> under_way;
  for_each_bucket(flat, [&](const at::Tensor& bucket) {
    under_way.emplace_back(collectives, bucket, rank, size);
    const std::size_t count = under_way.size();
    if (count > 1) under_way[count - 2].add_and_return();
  });
  if (!under_way.empty()) under_way.back().add_and_return();
  for (OrderedBucket& bucket : under_way) bucket.finish();
}

}  // namespace stockpot
