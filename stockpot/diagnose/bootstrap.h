// The bootstrap over a stream: instead of drawing n of n rows, every row counts Poisson(1) times in
// every replicate (Hanley and MacGibbon 2006; Chamandy et al. 2012), so memory is replicates x
// channels. The weights are a function of (seed, set, row): they depend neither on batches nor on
// threads, and all channels of a set share them, which pairs what is compared on the same rows.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/diagnose/moments.h"

namespace stockpot::diagnose {

inline constexpr int kReplicates = 1000;

struct PercentileInterval {
  double low = 0, high = 0;
  bool above(double value) const { return low > value; }
  bool below(double value) const { return high < value; }
};

// The shortest account of replicates: their 2.5 and 97.5 percentiles (nearest rank). Values that
// are not finite count as largest.
PercentileInterval percentiles(std::vector<double> replicates);

class StreamingBootstrap {
 public:
  StreamingBootstrap(std::uint64_t seed, std::uint64_t set, std::size_t channels);

  // rows: n x channels.
  void add(const MatrixXd& rows);

  double mean(std::size_t channel) const;
  // The mean in every replicate, kReplicates of them.
  std::vector<double> replicates(std::size_t channel) const;

 private:
  std::uint64_t seed_, set_, rows_ = 0;
  std::size_t channels_;
  std::vector<double> sums_;                // by channel
  std::vector<double> weights_, weighted_;  // by replicate; by replicate and channel
};

}  // namespace stockpot::diagnose
