#include "stockpot/kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stockpot/base/isa.h"
#include "stockpot/kernels/fuse_multiply_add.h"
#include "stockpot/kernels/gemm.h"
#include "stockpot/kernels/lanes.h"

namespace stockpot {
namespace {

// Rows of scores are padded to `row` floats: whole vectors.
struct Scores {
  std::int64_t rows, columns, row;
  float* data;
};

// scores = softmax(scores * scale) by rows; log_sum as in attention().
STOCKPOT_PER_ISA
void softmax_rows(const Scores& s, float scale, float* log_sum) {
  for (std::int64_t r = 0; r < s.rows; ++r) {
    float* x = s.data + r * s.row;
    // e^x is 0 there, so the padding takes part in the loops and changes nothing.
    for (std::int64_t j = s.columns; j < s.row; ++j) x[j] = -1e30f;
    const float largest = row_max(s.row, x);
    for (std::int64_t j = 0; j < s.row; ++j) x[j] = fast_exp((x[j] - largest) * scale);
    const float sum = row_sum(s.row, x), inverse = 1.0f / sum;
    for (std::int64_t j = 0; j < s.row; ++j) x[j] *= inverse;
    if (log_sum) log_sum[r] = largest * scale + std::log(sum);
  }
}

// p = e^(scores * scale - log_sum), over the scores; and d = p (d - sum(p d)) scale: the
// gradient of the products q k^T from that of the probabilities.
STOCKPOT_PER_ISA
void softmax_rows_backward(const Scores& s, float scale, const float* log_sum, float* d) {
  for (std::int64_t r = 0; r < s.rows; ++r, d += s.row) {
    float* x = s.data + r * s.row;
    for (std::int64_t j = s.columns; j < s.row; ++j) x[j] = -1e30f;
    const float shift = log_sum[r];
    for (std::int64_t j = 0; j < s.row; ++j) x[j] = fast_exp(x[j] * scale - shift);
    const float sum = row_product(s.row, x, d);
    STOCKPOT_INDEPENDENT
    for (std::int64_t j = 0; j < s.row; ++j) d[j] = x[j] * (d[j] - sum) * scale;
  }
}

// Room for one item's scores and one packed matrix.
struct Workspace {
  explicit Workspace(const AttentionShape& shape)
      : row(packed_columns(shape.tokens)),
        scores(static_cast<std::size_t>(shape.queries * row)),
        gradients(scores.size()),
        packed(static_cast<std::size_t>(
            std::max(shape.head_size * row, shape.tokens * packed_columns(shape.head_size)))) {}

  std::int64_t row;
  std::vector<float> scores, gradients, packed;
};

// Where an item lies in q, k, v (in) and in the result (out).
struct Place {
  Place(const AttentionShape& shape, std::int64_t item) {
    const std::int64_t image = item / shape.heads;
    const std::int64_t column = item % shape.heads * shape.head_size;
    in = image * shape.tokens * shape.in_row + column;
    out = image * shape.queries * shape.out_row + column;
  }

  std::int64_t in, out;
};

// result (queries x tokens, padded) = a b^T for a: queries x head_size, b: tokens x head_size.
void outer_scores(const AttentionShape& shape, const MatrixView& a, const MatrixView& b,
                  Workspace& work, std::vector<float>& result) {
  pack(shape.head_size, shape.tokens, transposed(b), work.packed.data());
  multiply(shape.queries, work.row, shape.head_size, a, work.packed.data(), result.data(),
           work.row);
}

// A matrix of rows x head_size, `row` floats apart.
struct Rows {
  std::int64_t count;
  float* data;
  std::int64_t row;
};

// result = p b for b: deep x head_size.
void weighted_rows(const AttentionShape& shape, const MatrixView& p, std::int64_t deep,
                   const MatrixView& b, Workspace& work, const Rows& result) {
  pack(deep, shape.head_size, b, work.packed.data());
  multiply(result.count, shape.head_size, deep, p, work.packed.data(), result.data, result.row);
}

}  // namespace

void attention(const AttentionShape& shape, const float* q, const float* k, const float* v,
               float* out, float* log_sum, std::int64_t begin, std::int64_t end) {
  Workspace work(shape);
  const Scores scores{shape.queries, shape.tokens, work.row, work.scores.data()};
  for (std::int64_t item = begin; item < end; ++item) {
    const Place at(shape, item);
    outer_scores(shape, {q + at.in, shape.in_row, 1}, {k + at.in, shape.in_row, 1}, work,
                 work.scores);
    softmax_rows(scores, shape.scale, log_sum ? log_sum + item * shape.queries : nullptr);
    weighted_rows(shape, {work.scores.data(), work.row, 1}, shape.tokens,
                  {v + at.in, shape.in_row, 1}, work, {shape.queries, out + at.out, shape.out_row});
  }
}

void attention_backward(const AttentionShape& shape, const float* q, const float* k, const float* v,
                        const float* log_sum, const AttentionGradients& gradients,
                        std::int64_t begin, std::int64_t end) {
  Workspace work(shape);
  const Scores scores{shape.queries, shape.tokens, work.row, work.scores.data()};
  const MatrixView p{work.scores.data(), work.row, 1}, d{work.gradients.data(), work.row, 1};
  const std::int64_t queries = shape.queries, tokens = shape.tokens, row = shape.in_row;
  for (std::int64_t item = begin; item < end; ++item) {
    const Place at(shape, item);
    const MatrixView asking{q + at.in, row, 1}, answering{k + at.in, row, 1};
    const MatrixView out{gradients.out + at.out, shape.out_row, 1};
    outer_scores(shape, asking, answering, work, work.scores);
    outer_scores(shape, out, {v + at.in, row, 1}, work, work.gradients);
    softmax_rows_backward(scores, shape.scale, log_sum + item * queries, work.gradients.data());
    weighted_rows(shape, transposed(p), queries, out, work, {tokens, gradients.v + at.in, row});
    weighted_rows(shape, d, tokens, answering, work, {queries, gradients.q + at.in, row});
    weighted_rows(shape, transposed(d), queries, asking, work, {tokens, gradients.k + at.in, row});
    for (std::int64_t token = queries; token < tokens; ++token)
      std::fill_n(gradients.q + at.in + token * row, shape.head_size, 0.0f);
  }
}

}  // namespace stockpot
