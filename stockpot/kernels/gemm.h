// Products of matrices on one thread: in float32 the building block of linear layers and
// attention, in float64 that of the linear probe's last steps. Threads are the caller's affair: it
// splits the rows of the result. The value of an element depends only on its row of a, its column
// of b and its start, never on the split.
//
// Why not a BLAS: its own threads and those of LibTorch take turns on the same cores (a
// training step of a small transformer halves its speed), its bits follow their number, and it
// knows no bias.
#pragma once

#include <cstdint>

namespace stockpot {

// A matrix whose element (i, j) lies at data[i * row + j * column].
template <typename Number>
struct MatrixViewOf {
  const Number* data;
  std::int64_t row, column;
};
using MatrixView = MatrixViewOf<float>;

inline MatrixView transposed(const MatrixView& m) { return {m.data, m.column, m.row}; }

// Number is float or double here.

// n rounded up to whole vectors: so many columns does a packed matrix have, the last ones 0.
template <typename Number = float>
std::int64_t packed_columns(std::int64_t n);

// Copies b (k x n) into `packed`, k * packed_columns(n) numbers, in the order that multiply()
// reads it.
template <typename Number>
void pack(std::int64_t k, std::int64_t n, const MatrixViewOf<Number>& b, Number* packed);

// A matrix of at most packed_depth() rows and packed_panel() columns lies in `packed` as rows of
// packed_columns(n) numbers: it may serve as the left matrix of another product as well.
std::int64_t packed_depth();
template <typename Number = float>
std::int64_t packed_panel();

// What the product is added to.
template <typename Number>
struct StartOf {
  const Number* bias = nullptr;  // n numbers, the same for every row
  bool accumulate = false;       // the present content of c
};
using Start = StartOf<float>;

// c (m x n, rows `row` numbers apart) = a (m x k) * b (k x n) + start. `packed` holds b; n may
// be anything from 1 to the packed columns. c must not overlap a or b.
template <typename Number>
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const MatrixViewOf<Number>& a,
              const Number* packed, Number* c, std::int64_t row, const StartOf<Number>& start = {});

}  // namespace stockpot
