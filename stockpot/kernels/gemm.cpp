// A product runs in tiles of the result that stay in registers. Each step of the inner loop
// reads one row of a packed panel of b and one number a row of a, and does rows x vectors
// multiply-adds.
#include "stockpot/kernels/gemm.h"

#include <algorithm>

#include "stockpot/kernels/fuse_multiply_add.h"
#include "stockpot/kernels/math.h"

namespace stockpot {
namespace {

// Vectors of 64, 32 and 16 bytes that may lie anywhere and alias numbers.
template <typename Number>
struct Vectors;
template <>
struct Vectors<float> {
  using Bytes64 = float __attribute__((vector_size(64), aligned(4), may_alias));
  using Bytes32 = float __attribute__((vector_size(32), aligned(4), may_alias));
  using Bytes16 = float __attribute__((vector_size(16), aligned(4), may_alias));
};
template <>
struct Vectors<double> {
  using Bytes64 = double __attribute__((vector_size(64), aligned(8), may_alias));
  using Bytes32 = double __attribute__((vector_size(32), aligned(8), may_alias));
  using Bytes16 = double __attribute__((vector_size(16), aligned(8), may_alias));
};

// Rows of b that one pass covers: the widest panel is then 48 KiB.
constexpr std::int64_t kDepth = 256;
// A panel is at most this many vectors wide.
constexpr int kVectors = 3;

template <typename Number>
struct Tile {
  std::int64_t k;
  MatrixViewOf<Number> a;
  const Number* panel;
  const Number* bias;
  Number* c;
  std::int64_t row;
  bool accumulate;
};

template <typename Vector, int rows, int vectors, typename Number>
STOCKPOT_INLINE void run_tile(const Tile<Number>& tile) {
  constexpr int width = sizeof(Vector) / sizeof(Number);
  Vector sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) {
      sum[r][v] = Vector{};
      if (tile.bias) sum[r][v] = *reinterpret_cast<const Vector*>(tile.bias + width * v);
      if (tile.accumulate)
        sum[r][v] += *reinterpret_cast<const Vector*>(tile.c + r * tile.row + width * v);
    }
  const Number* a = tile.a.data;
  const Number* b = tile.panel;
  const std::int64_t row = tile.a.row;
  for (std::int64_t p = 0; p < tile.k; ++p, a += tile.a.column, b += width * vectors) {
    Vector right[vectors];
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) right[v] = *reinterpret_cast<const Vector*>(b + width * v);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 3
      for (int v = 0; v < vectors; ++v) sum[r][v] += a[r * row] * right[v];
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v)
      *reinterpret_cast<Vector*>(tile.c + r * tile.row + width * v) = sum[r][v];
}

// The tiles of one instruction set: run[rows - 1][vectors - 1].
template <typename Number>
struct Tiles {
  int width;  // numbers a vector
  int rows;   // at most
  void (*run[8][kVectors])(const Tile<Number>&);
};

#define STOCKPOT_TILE_ROW(name, rows) \
  { name<Number, rows, 1>, name<Number, rows, 2>, name<Number, rows, 3> }
#define STOCKPOT_FOUR_TILE_ROWS(name, first)                          \
  STOCKPOT_TILE_ROW(name, first), STOCKPOT_TILE_ROW(name, first + 1), \
      STOCKPOT_TILE_ROW(name, first + 2), STOCKPOT_TILE_ROW(name, first + 3)

template <typename Number, int rows, int vectors>
void tile_any(const Tile<Number>& tile) {
  run_tile<typename Vectors<Number>::Bytes16, rows, vectors>(tile);
}

template <typename Number>
constexpr Tiles<Number> kAny = {16 / sizeof(Number), 4, {STOCKPOT_FOUR_TILE_ROWS(tile_any, 1)}};

#if defined(__x86_64__)
template <typename Number, int rows, int vectors>
__attribute__((target("avx2,fma"))) void tile_avx2(const Tile<Number>& tile) {
  run_tile<typename Vectors<Number>::Bytes32, rows, vectors>(tile);
}

template <typename Number>
constexpr Tiles<Number> kAvx2 = {32 / sizeof(Number), 4, {STOCKPOT_FOUR_TILE_ROWS(tile_avx2, 1)}};

template <typename Number, int rows, int vectors>
__attribute__((target("avx512f,avx2,fma"))) void tile_avx512(const Tile<Number>& tile) {
  run_tile<typename Vectors<Number>::Bytes64, rows, vectors>(tile);
}

template <typename Number>
constexpr Tiles<Number> kAvx512 = {
    64 / sizeof(Number),
    8,
    {STOCKPOT_FOUR_TILE_ROWS(tile_avx512, 1), STOCKPOT_FOUR_TILE_ROWS(tile_avx512, 5)}};

template <typename Number>
const Tiles<Number>& choose_tiles() {
  if (__builtin_cpu_supports("avx512f")) return kAvx512<Number>;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2<Number>;
  return kAny<Number>;
}
#else
template <typename Number>
const Tiles<Number>& choose_tiles() {
  return kAny<Number>;
}
#endif

template <typename Number>
const Tiles<Number>& tiles() {
  static const Tiles<Number>& chosen = choose_tiles<Number>();
  return chosen;
}

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

// Rows 0..k-1 of at most `width` columns, missing ones as 0. The source is read along its
// contiguous direction, eight numbers a time.
template <typename Number>
void pack_panel(std::int64_t k, std::int64_t n, const MatrixViewOf<Number>& b, std::int64_t width,
                Number* out) {
  if (b.column == 1) {
    for (std::int64_t p = 0; p < k; ++p) {
      std::copy_n(b.data + p * b.row, n, out + p * width);
      std::fill(out + p * width + n, out + (p + 1) * width, Number{});
    }
    return;
  }
  constexpr std::int64_t block = 8;
  for (std::int64_t begin = 0; begin < k; begin += block) {
    const std::int64_t end = std::min(k, begin + block);
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t p = begin; p < end; ++p)
        out[p * width + j] = b.data[p * b.row + j * b.column];
    for (std::int64_t p = begin; p < end; ++p)
      std::fill(out + p * width + n, out + (p + 1) * width, Number{});
  }
}

// A tile at the right edge of c: computed beside it, then the columns that exist are copied.
template <typename Number>
void run_at_edge(const Tiles<Number>& set, Tile<Number> tile, std::int64_t rows, int vectors,
                 std::int64_t n) {
  Number c[8 * kVectors * 64 / sizeof(Number)], bias[kVectors * 64 / sizeof(Number)] = {};
  const std::int64_t width = std::int64_t{vectors} * set.width;
  Number* const target = tile.c;
  if (tile.accumulate)
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(target + r * tile.row, n, c + r * width);
      std::fill(c + r * width + n, c + (r + 1) * width, Number{});
    }
  if (tile.bias) {
    std::copy_n(tile.bias, n, bias);
    tile.bias = bias;
  }
  const std::int64_t row = tile.row;
  tile.c = c;
  tile.row = width;
  set.run[rows - 1][vectors - 1](tile);
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(c + r * width, n, target + r * row);
}

}  // namespace

template <typename Number>
std::int64_t packed_columns(std::int64_t n) {
  return round_up(n, tiles<Number>().width);
}

std::int64_t packed_depth() { return kDepth; }
template <typename Number>
std::int64_t packed_panel() {
  return kVectors * tiles<Number>().width;
}

template <typename Number>
void pack(std::int64_t k, std::int64_t n, const MatrixViewOf<Number>& b, Number* packed) {
  const std::int64_t width = tiles<Number>().width, columns = round_up(n, width);
  for (std::int64_t depth = 0; depth < k; depth += kDepth) {
    const std::int64_t rows = std::min(kDepth, k - depth);
    for (std::int64_t j = 0; j < columns; j += kVectors * width) {
      const std::int64_t panel = std::min(kVectors * width, columns - j);
      pack_panel(rows, std::min(panel, n - j),
                 {b.data + depth * b.row + j * b.column, b.row, b.column}, panel, packed);
      packed += rows * panel;
    }
  }
}

template <typename Number>
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const MatrixViewOf<Number>& a,
              const Number* packed, Number* c, std::int64_t row, const StartOf<Number>& start) {
  const Tiles<Number>& set = tiles<Number>();
  const std::int64_t width = set.width;
  // The packed matrix may be wider than n only by the zeros that fill its last vector.
  const std::int64_t columns = round_up(n, width);
  for (std::int64_t depth = 0; depth < k; depth += kDepth) {
    const std::int64_t deep = std::min(kDepth, k - depth);
    const bool first = depth == 0;
    for (std::int64_t j = 0; j < columns; j += kVectors * width) {
      const std::int64_t panel = std::min(kVectors * width, columns - j);
      const int vectors = static_cast<int>(panel / width);
      const std::int64_t present = std::min(panel, n - j);
      for (std::int64_t i = 0; i < m; i += set.rows) {
        const std::int64_t rows = std::min<std::int64_t>(set.rows, m - i);
        const Tile<Number> tile{deep,
                                {a.data + i * a.row + depth * a.column, a.row, a.column},
                                packed,
                                first && start.bias ? start.bias + j : nullptr,
                                c + i * row + j,
                                row,
                                !first || start.accumulate};
        if (present == panel)
          set.run[rows - 1][vectors - 1](tile);
        else
          run_at_edge(set, tile, rows, vectors, present);
      }
      packed += deep * panel;
    }
  }
}

#define STOCKPOT_GEMM_OF(Number)                                                                \
  template std::int64_t packed_columns<Number>(std::int64_t);                                   \
  template std::int64_t packed_panel<Number>();                                                 \
  template void pack(std::int64_t, std::int64_t, const MatrixViewOf<Number>&, Number*);         \
  template void multiply(std::int64_t, std::int64_t, std::int64_t, const MatrixViewOf<Number>&, \
                         const Number*, Number*, std::int64_t, const StartOf<Number>&)
STOCKPOT_GEMM_OF(float);
STOCKPOT_GEMM_OF(double);

}  // namespace stockpot
