// A product runs in tiles of the result that stay in registers. Each step of the inner loop
// reads one row of a packed panel of b and one number a row of a, and does rows x vectors
// multiply-adds.
#include "stockpot/kernels/gemm.h"

#include <algorithm>

#include "stockpot/kernels/fuse_multiply_add.h"
#include "stockpot/kernels/math.h"

namespace stockpot {
namespace {

// Vectors that may lie anywhere and alias floats, of 16, 8 and 4 numbers.
using Float16 = float __attribute__((vector_size(64), aligned(4), may_alias));
using Float8 = float __attribute__((vector_size(32), aligned(4), may_alias));
using Float4 = float __attribute__((vector_size(16), aligned(4), may_alias));

// Rows of b that one pass covers: a panel of 48 columns is then 48 KiB.
constexpr std::int64_t kDepth = 256;
// A panel is at most this many vectors wide.
constexpr int kVectors = 3;

struct Tile {
  std::int64_t k;
  MatrixView a;
  const float* panel;
  const float* bias;
  float* c;
  std::int64_t row;
  bool accumulate;
};

template <typename Vector, int rows, int vectors>
STOCKPOT_INLINE void run_tile(const Tile& tile) {
  constexpr int width = sizeof(Vector) / sizeof(float);
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
  const float* a = tile.a.data;
  const float* b = tile.panel;
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
struct Tiles {
  int width;  // floats a vector
  int rows;   // at most
  void (*run[8][kVectors])(const Tile&);
};

#define STOCKPOT_TILE_ROW(name, rows) \
  { name<rows, 1>, name<rows, 2>, name<rows, 3> }

template <int rows, int vectors>
void tile_any(const Tile& tile) {
  run_tile<Float4, rows, vectors>(tile);
}

constexpr Tiles kAny = {4,
                        4,
                        {STOCKPOT_TILE_ROW(tile_any, 1), STOCKPOT_TILE_ROW(tile_any, 2),
                         STOCKPOT_TILE_ROW(tile_any, 3), STOCKPOT_TILE_ROW(tile_any, 4)}};

#if defined(__x86_64__)
template <int rows, int vectors>
__attribute__((target("avx2,fma"))) void tile_avx2(const Tile& tile) {
  run_tile<Float8, rows, vectors>(tile);
}

constexpr Tiles kAvx2 = {8,
                         4,
                         {STOCKPOT_TILE_ROW(tile_avx2, 1), STOCKPOT_TILE_ROW(tile_avx2, 2),
                          STOCKPOT_TILE_ROW(tile_avx2, 3), STOCKPOT_TILE_ROW(tile_avx2, 4)}};

template <int rows, int vectors>
__attribute__((target("avx512f,avx2,fma"))) void tile_avx512(const Tile& tile) {
  run_tile<Float16, rows, vectors>(tile);
}

constexpr Tiles kAvx512 = {16,
                           8,
                           {STOCKPOT_TILE_ROW(tile_avx512, 1), STOCKPOT_TILE_ROW(tile_avx512, 2),
                            STOCKPOT_TILE_ROW(tile_avx512, 3), STOCKPOT_TILE_ROW(tile_avx512, 4),
                            STOCKPOT_TILE_ROW(tile_avx512, 5), STOCKPOT_TILE_ROW(tile_avx512, 6),
                            STOCKPOT_TILE_ROW(tile_avx512, 7), STOCKPOT_TILE_ROW(tile_avx512, 8)}};

const Tiles& choose_tiles() {
  if (__builtin_cpu_supports("avx512f")) return kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2;
  return kAny;
}
#else
const Tiles& choose_tiles() { return kAny; }
#endif

const Tiles& tiles() {
  static const Tiles& chosen = choose_tiles();
  return chosen;
}

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

// Rows 0..k-1 of at most `width` columns, missing ones as 0. The source is read along its
// contiguous direction, eight numbers a time.
void pack_panel(std::int64_t k, std::int64_t n, const MatrixView& b, std::int64_t width,
                float* out) {
  if (b.column == 1) {
    for (std::int64_t p = 0; p < k; ++p) {
      std::copy_n(b.data + p * b.row, n, out + p * width);
      std::fill(out + p * width + n, out + (p + 1) * width, 0.0f);
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
      std::fill(out + p * width + n, out + (p + 1) * width, 0.0f);
  }
}

// A tile at the right edge of c: computed beside it, then the columns that exist are copied.
void run_at_edge(const Tiles& set, Tile tile, std::int64_t rows, int vectors, std::int64_t n) {
  float c[8 * kVectors * 16], bias[kVectors * 16] = {};
  const std::int64_t width = std::int64_t{vectors} * set.width;
  float* const target = tile.c;
  if (tile.accumulate)
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(target + r * tile.row, n, c + r * width);
      std::fill(c + r * width + n, c + (r + 1) * width, 0.0f);
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

std::int64_t packed_columns(std::int64_t n) { return round_up(n, tiles().width); }

std::int64_t packed_depth() { return kDepth; }
std::int64_t packed_panel() { return kVectors * tiles().width; }

void pack(std::int64_t k, std::int64_t n, const MatrixView& b, float* packed) {
  const std::int64_t width = tiles().width, columns = round_up(n, width);
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

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const MatrixView& a,
              const float* packed, float* c, std::int64_t row, const Start& start) {
  const Tiles& set = tiles();
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
        const Tile tile{deep,
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

}  // namespace stockpot
