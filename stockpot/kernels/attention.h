// Softmax attention of one image and head at a time, for short sequences: the scores of an
// item (65 tokens: 20 KB) never leave the cache and are computed again in the backward pass.
#pragma once

#include <cstdint>

namespace stockpot {

struct AttentionShape {
  // Only the first `queries` of the tokens ask, all of them answer.
  std::int64_t images, queries, tokens, heads, head_size;
  // Floats between two tokens of q, k and v (and of their gradients), and of the result.
  // Heads lie side by side; an image has `tokens` rows in q, k and v and `queries` in the result.
  std::int64_t in_row, out_row;
  float scale;  // of the scores: 1 / sqrt(head_size)

  std::int64_t items() const { return images * heads; }
};

// out = softmax(q k^T scale) v for items begin..end-1; item = image * heads + head. Keeps
// log(sum(exp(scores))) of every row in `log_sum` (items x queries) unless it is null.
void attention(const AttentionShape& shape, const float* q, const float* k, const float* v,
               float* out, float* log_sum, std::int64_t begin, std::int64_t end);

// Gradients of q, k and v from that of `out`, for the same items. Rows of q's gradient beyond
// the queries become 0.
struct AttentionGradients {
  const float* out;
  float *q, *k, *v;
};
void attention_backward(const AttentionShape& shape, const float* q, const float* k, const float* v,
                        const float* log_sum, const AttentionGradients& gradients,
                        std::int64_t begin, std::int64_t end);

}  // namespace stockpot
