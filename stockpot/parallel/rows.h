// Which rows of a batch, or of a whole set, are a rank's.
#pragma once

#include <cstdint>
#include <vector>

namespace stockpot {

struct RowRange {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

// The part of rows 0..rows-1 that `rank` of `size` takes: neighbours, in rank order, at most
// one row more than another rank's, none twice and none left out. A part is empty when there
// are fewer rows than ranks. Which rows a batch has does not depend on `size`, so the ranks
// together see the batches of a single process.
RowRange rows_of_rank(std::int64_t rows, int rank, int size);

// The same for batches whose row i is mixed with row rows - 1 - i (train/training_batch.h): every
// rank gets both rows of a pair, at most one pair more than another rank; the lone row in the
// middle goes to the last rank. Ascending; row j of this list is mixed with row j from its end.
std::vector<std::int64_t> paired_rows_of_rank(std::int64_t rows, int rank, int size);

}  // namespace stockpot
