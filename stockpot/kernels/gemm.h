// Products of float32 matrices on one thread: the building block of linear layers and
// attention. Threads are the caller's affair: it splits the rows of the result. The value of
// an element depends only on its row of a, its column of b and its start, never on the split.
//
// Why not a BLAS: its own threads and those of LibTorch take turns on the same cores (a
// training step of a small transformer halves its speed), and it knows no bias.
#pragma once

#include <cstdint>

namespace stockpot {

// A matrix whose element (i, j) lies at data[i * row + j * column].
struct MatrixView {
  const float* data;
  std::int64_t row, column;
};

inline MatrixView transposed(const MatrixView& m) { return {m.data, m.column, m.row}; }

// n rounded up to whole vectors: so many columns does a packed matrix have, the last ones 0.
std::int64_t packed_columns(std::int64_t n);

// Copies b (k x n) into `packed`, k * packed_columns(n) floats, in the order that multiply()
// reads it.
void pack(std::int64_t k, std::int64_t n, const MatrixView& b, float* packed);

// A matrix of at most packed_depth() rows and packed_panel() columns lies in `packed` as rows of
// packed_columns(n) numbers: it may serve as the left matrix of another product as well.
std::int64_t packed_depth();
std::int64_t packed_panel();

// What the product is added to.
struct Start {
  const float* bias = nullptr;  // n floats, the same for every row
  bool accumulate = false;      // the present content of c
};

// c (m x n, rows `row` floats apart) = a (m x k) * b (k x n) + start. `packed` holds b; n may
// be anything from 1 to the packed columns. c must not overlap a or b.
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const MatrixView& a,
              const float* packed, float* c, std::int64_t row, const Start& start = {});

}  // namespace stockpot
