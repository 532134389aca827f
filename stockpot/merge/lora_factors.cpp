#include "stockpot/merge/lora_factors.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cassert>

namespace stockpot {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const RowMajor> map(const Matrix& matrix) {
  return {matrix.values.data(), matrix.rows, matrix.columns};
}

Matrix matrix_of(const RowMajor& values) {
  Matrix matrix{values.rows(), values.cols(), {}};
  matrix.values.assign(values.data(), values.data() + values.size());
  return matrix;
}

// Q and R with Q R = columns, Q as narrow as can be.
std::pair<Eigen::MatrixXd, Eigen::MatrixXd> thin_qr(const Eigen::MatrixXd& columns) {
  const Eigen::Index thin = std::min(columns.rows(), columns.cols());
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(columns);
  Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(columns.rows(), thin);
  Eigen::MatrixXd r = qr.matrixQR().topRows(thin).triangularView<Eigen::Upper>();
  return {std::move(q), std::move(r)};
}

}  // namespace

LowRank product_form(std::span<const LoraTerm> terms) {
  assert(!terms.empty());
  std::int64_t rank = 0;
  for (const LoraTerm& term : terms) rank += term.module->rank;
  const LoraModule& first = *terms.front().module;
  const std::int64_t outputs = first.b->shape[0];
  const std::int64_t inputs = element_count(first.a->shape) / first.rank;
  LowRank change{{outputs, rank, std::vector<double>(static_cast<std::size_t>(outputs * rank))},
                 {rank, inputs, std::vector<double>(static_cast<std::size_t>(rank * inputs))}};
  std::int64_t column = 0;
  for (const LoraTerm& term : terms) {
    const LoraModule& module = *term.module;
    std::vector<double> b(static_cast<std::size_t>(outputs * module.rank));
    read_values(*module.b, b);
    for (std::int64_t i = 0; i < outputs; ++i)
      for (std::int64_t k = 0; k < module.rank; ++k)
        change.left.values[static_cast<std::size_t>(i * rank + column + k)] =
            term.weight * module.scaling * b[static_cast<std::size_t>(i * module.rank + k)];
    read_values(*module.a, std::span(change.right.values)
                               .subspan(static_cast<std::size_t>(column * inputs),
                                        static_cast<std::size_t>(module.rank * inputs)));
    column += module.rank;
  }
  return change;
}

LowRank transposed(const LowRank& change) {
  return {matrix_of(map(change.right).transpose()), matrix_of(map(change.left).transpose())};
}

double truncate(LowRank& change, std::int64_t rank) {
  if (rank >= change.rank()) return 0;
  const auto [left_q, left_r] = thin_qr(map(change.left));
  const auto [right_q, right_r] = thin_qr(map(change.right).transpose());
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(left_r * right_r.transpose(),
                                           Eigen::ComputeThinU | Eigen::ComputeThinV);
  const Eigen::VectorXd& singular = svd.singularValues();
  const Eigen::Index kept = std::min<Eigen::Index>(rank, singular.size());
  const Eigen::VectorXd root = singular.head(kept).cwiseSqrt();
  // A matrix smaller than the rank asked for is filled up with zeros.
  RowMajor left = RowMajor::Zero(change.left.rows, rank);
  RowMajor right = RowMajor::Zero(rank, change.right.columns);
  left.leftCols(kept) = left_q * svd.matrixU().leftCols(kept) * root.asDiagonal();
  right.topRows(kept) =
      root.asDiagonal() * svd.matrixV().leftCols(kept).transpose() * right_q.transpose();
  change = {matrix_of(left), matrix_of(right)};
  const double whole = singular.norm();
  return whole > 0 ? singular.tail(singular.size() - kept).norm() / whole : 0;
}

void add_product(const LowRank& change, std::int64_t first, std::span<double> values) {
  const std::int64_t columns = change.right.columns, rank = change.rank();
  for (std::size_t done = 0; done < values.size();) {
    const std::int64_t at = first + static_cast<std::int64_t>(done);
    const std::int64_t row = at / columns, column = at % columns;
    const std::size_t count =
        std::min(values.size() - done, static_cast<std::size_t>(columns - column));
    double* const out = values.data() + done;
    for (std::int64_t k = 0; k < rank; ++k) {
      const double factor = change.left.values[static_cast<std::size_t>(row * rank + k)];
      const double* const in = change.right.values.data() + k * columns + column;
      for (std::size_t i = 0; i < count; ++i) out[i] += factor * in[i];
    }
    done += count;
  }
}

}  // namespace stockpot
