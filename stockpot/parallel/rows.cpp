#include "stockpot/parallel/rows.h"

#include <algorithm>

namespace stockpot {

RowRange rows_of_rank(std::int64_t rows, int rank, int size) {
  const std::int64_t least = rows / size, longer = rows % size;
  const std::int64_t begin = rank * least + std::min<std::int64_t>(rank, longer);
  return {begin, begin + least + (rank < longer ? 1 : 0)};
}

std::vector<std::int64_t> paired_rows_of_rank(std::int64_t rows, int rank, int size) {
  const RowRange pairs = rows_of_rank(rows / 2, rank, size);
  std::vector<std::int64_t> list;
  for (std::int64_t row = pairs.begin; row < pairs.end; ++row) list.push_back(row);
  if (rows % 2 == 1 && rank == size - 1) list.push_back(rows / 2);
  for (std::int64_t row = pairs.end; row-- > pairs.begin;) list.push_back(rows - 1 - row);
  return list;
}

}  // namespace stockpot
