// The arithmetic of low-rank changes in double precision.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stockpot/merge/lora.h"

namespace stockpot {

struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  // row by row
};

// A change of a weight: left * right, with left rows x rank and right rank x columns.
struct LowRank {
  Matrix left, right;
  std::int64_t rank() const { return left.columns; }
};

struct LoraTerm {
  const LoraModule* module = nullptr;
  double weight = 1;
};

// sum_i weight_i scaling_i B_i A_i exactly, as [w_1 s_1 B_1 | ... | w_k s_k B_k] [A_1; ...; A_k]:
// the mean of the Bs times the mean of the As would be another matrix. The modules have the same
// inputs and outputs; kernels of convolutions are flattened into the columns.
LowRank product_form(std::span<const LoraTerm> terms);

// (left right)^T = right^T left^T.
LowRank transposed(const LowRank& change);

// The best approximation of that rank (Eckart-Young), by QR of the factors and the SVD of a
// matrix of rank x rank: the whole product is never formed. Singular values are shared out evenly
// between the factors. Returns ||product - approximation||_F / ||product||_F, 0 for a zero product.
double truncate(LowRank& change, std::int64_t rank);

// values += the elements first .. first + values.size() - 1 of the product, row by row.
void add_product(const LowRank& change, std::int64_t first, std::span<double> values);

}  // namespace stockpot
