#include "stockpot/theory/problem.h"

#include <Eigen/QR>
#include <cmath>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"

namespace stockpot::theory {
namespace {

// What is drawn: the epoch of its stream. Never reorder: results depend on the values.
enum class Draw : std::uint64_t {
  true_features = 1,
  true_head = 2,
  other_features = 3,
  inputs = 4,
  head = 5,
  basis = 6
};

// Standard normal numbers, a stream for each row.
MatrixXd normal_matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed, Draw what) {
  MatrixXd matrix(rows, columns);
  for (std::int64_t row = 0; row < rows; ++row) {
    RandomStream stream(seed, Purpose::theory, static_cast<std::uint64_t>(what),
                        static_cast<std::uint64_t>(row));
    for (std::int64_t column = 0; column < columns; ++column) matrix(row, column) = stream.normal();
  }
  return matrix;
}

VectorXd normal_vector(std::int64_t size, std::uint64_t seed, Draw what) {
  return normal_matrix(1, size, seed, what).row(0);
}

// Orthonormal columns that span those of `columns`.
MatrixXd orthonormal(const MatrixXd& columns) {
  const Eigen::HouseholderQR<MatrixXd> qr(columns);
  return qr.householderQ() * MatrixXd::Identity(columns.rows(), columns.cols());
}

VectorXd draw_head(const ProblemOptions& options, const VectorXd& true_head) {
  VectorXd random = normal_vector(options.features, options.seed, Draw::head);
  if (!options.phi) return options.sigma * random;
  VectorXd across = random - true_head * true_head.dot(random);
  // With k = 1 nothing lies across v*; the shorter head has the same phi.
  across = options.features == 1 ? VectorXd::Zero(1) : VectorXd(across.normalized());
  const double sine = *options.phi, cosine = std::sqrt((1 - sine) * (1 + sine));
  return cosine * true_head + sine * across;
}

[[noreturn]] void refuse(const std::string& flag, const std::string& found,
                         const std::string& expected) {
  throw UsageError(flag + " is " + found + ": " + expected);
}

void check_range(const char* flag, double value, double high, const char* meaning) {
  if (!(value >= 0 && value <= high))
    refuse(flag, shortest(value), std::string("expected ") + meaning);
}

}  // namespace

void check(const ProblemOptions& options) {
  const std::int64_t d = options.dimension, k = options.features, m = options.subspace;
  const auto text = [](std::int64_t value) { return std::to_string(value); };
  if (d < 4 || d > kLargestDimension)
    refuse("--dim", text(d), "expected 4 to " + text(kLargestDimension));
  if (k < 1) refuse("--features", text(k), "expected at least 1");
  if (m >= d)
    refuse(
        "--subspace", text(m),
        "the training inputs must leave some directions out, so it must be below --dim " + text(d));
  if (k >= m)
    refuse("--features", text(k), "the probe needs fewer features than --subspace " + text(m));
  if (k >= d - m)
    refuse("--features", text(k),
           "must be below the " + text(d - m) + " directions off the training span (--dim " +
               text(d) + " less --subspace " + text(m) + ")");
  if (options.examples != 0 && options.examples < m)
    refuse("--examples", text(options.examples), "cannot span --subspace " + text(m));
  if (options.examples > 16 * kLargestDimension)
    refuse("--examples", text(options.examples),
           "expected at most " + text(16 * kLargestDimension));
  check_range("--eps", options.eps, std::sqrt(2.0),
              "0 (perfect features) to 1.4142 (features that share no direction with the true "
              "ones)");
  if (options.phi)
    check_range("--phi", *options.phi, 1, "0 (the true head) to 1 (a head across the true one)");
  check_range("--sigma", options.sigma, 1000, "0 to 1000");
}

Problem draw_problem(const ProblemOptions& options) {
  check(options);
  const std::int64_t d = options.dimension, k = options.features, m = options.subspace;
  const std::uint64_t seed = options.seed;
  MatrixXd both(d, 2 * k);
  both << normal_matrix(k, d, seed, Draw::true_features).transpose(),
      normal_matrix(k, d, seed, Draw::other_features).transpose();
  const MatrixXd bases = orthonormal(both).transpose();

  Problem problem;
  problem.true_features = bases.topRows(k);
  problem.true_head = normal_vector(k, seed, Draw::true_head).normalized();
  const double half = options.eps * options.eps / 2;  // 1 - c, so that e^2 = half (2 - half)
  problem.features =
      (1 - half) * bases.topRows(k) + std::sqrt(half * (2 - half)) * bases.bottomRows(k);
  if (options.examples == 0) {
    problem.inputs = normal_matrix(m, d, seed, Draw::inputs);
  } else {
    const MatrixXd basis = orthonormal(normal_matrix(m, d, seed, Draw::basis).transpose());
    problem.inputs = normal_matrix(options.examples, m, seed, Draw::inputs) * basis.transpose();
  }
  problem.head = draw_head(options, problem.true_head);
  return problem;
}

}  // namespace stockpot::theory
