// Side-tuning as the LP-FT paper compares with it: the features of a frozen backbone plus those of
// a second network of the same architecture, which starts at random and is trained; one new head
// on the sum (specification of LP-FT, section 8; the idea is Zhang et al. 2020, who mix by a
// learned weight).
#pragma once

#include <cstdint>

#include "stockpot/model/network.h"

namespace stockpot {

// The tensors of `base`, frozen, and the same once more under the names "side." + name.
Network with_side_network(const Network& base);

// Draws the side network: convolutions from N(0, 2 / (out x height x width)) as torchvision does,
// other matrices, class token and positions from N(0, 0.02^2) as transformers does, norms 1 and
// biases 0, running statistics of nothing seen; all from (seed, Purpose::head_init, 1).
void randomise_side_network(TensorTable& table, std::uint64_t seed);

}  // namespace stockpot
