// The largest magnitudes of task vectors, exactly and in little memory: no copy of a vector is
// made or sorted. A sample of each vector says where the wanted magnitude must lie about; one
// pass over the models counts what is above and divides what is around it into bins, and the
// next pass collects the right bin. Wrong guesses cost passes, never the result.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "stockpot/merge/method.h"

namespace stockpot {

// The first part of a vector's values in order of falling magnitude, equal magnitudes in order
// of their positions. Positions count through all tensors of the vector.
struct TopPart {
  std::uint64_t magnitude = 0;  // bit pattern of the smallest one that belongs to the part
  std::int64_t last = 0;        // the last position with this magnitude that belongs to it

  static TopPart none() { return {std::numeric_limits<std::uint64_t>::max(), -1}; }
  static TopPart all() { return {0, std::numeric_limits<std::int64_t>::max()}; }
  bool operator==(const TopPart&) const = default;
};

struct TopRequest {
  std::size_t origin = 0;  // the model, as in TensorJob::origin
  std::int64_t count = 0;  // the size of the part; none when not positive
};

// For each request the part of the task vector of that model that is the concatenation of
// these jobs in their order. Each job has a base. Parallel inside.
std::vector<TopPart> top_magnitudes(std::span<const TensorJob> jobs,
                                    std::span<const TopRequest> requests);

// Zeroes what does not belong to the part (keep_top) or what does (drop_top), in values that
// start at this position.
void keep_top(const TopPart& part, std::int64_t position, std::span<double> values);
void drop_top(const TopPart& part, std::int64_t position, std::span<double> values);

}  // namespace stockpot
