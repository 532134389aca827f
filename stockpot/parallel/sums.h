// Sums of long vectors over all ranks, in buckets that are under way together.
#pragma once

#include "stockpot/parallel/compat.h"

namespace stockpot {

// In place, by the library's own algorithm.
void sum_in_buckets(Collectives& collectives, const at::Tensor& flat);

// In place, ((rank 0 + rank 1) + rank 2) + ...: every rank adds up one part of each bucket and
// sends the result to the others. The same bytes travel as in a ring; the bits depend neither
// on the buckets nor on the library.
void sum_in_rank_order(Collectives& collectives, const at::Tensor& flat, int rank, int size);

}  // namespace stockpot
