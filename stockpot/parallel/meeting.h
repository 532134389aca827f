// How the ranks find each other, before any tensor is sent.
#pragma once

#include <memory>
#include <vector>

#include "stockpot/parallel/compat.h"
#include "stockpot/parallel/launch_variables.h"
#include "stockpot/parallel/peer.h"

namespace stockpot {

struct Meeting {
  std::shared_ptr<SharedTable> table;
  std::vector<Peer> peers;  // by rank
};

// Rank 0 keeps the shared table, unless the launcher does; everyone writes itself into it and
// reads all others. Throws UsageError when the port is taken or the ranks do not fit together,
// RunError when a rank does not come within the timeout.
Meeting meet(const LaunchVariables& variables, Milliseconds timeout);

}  // namespace stockpot
