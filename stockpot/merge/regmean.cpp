#include "stockpot/merge/regmean.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cassert>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;  // column after column

constexpr std::int64_t kColumns = 64;  // of the right side, solved together

std::string named(const std::string& name) { return "tensor '" + printable(name) + "'"; }

// The Gram matrix times `factor`, its off-diagonal entries also times `off_diagonal`.
Matrix read_gram(const TensorView& tensor, double factor, double off_diagonal) {
  const auto size = static_cast<Eigen::Index>(tensor.shape[0]);
  Matrix gram(size, size);
  read_values(tensor, std::span(gram.data(), static_cast<std::size_t>(gram.size())));
  const Eigen::VectorXd diagonal = gram.diagonal() * factor;
  gram *= factor * off_diagonal;
  gram.diagonal() = diagonal;
  return gram;
}

// The columns first .. first + count - 1 of W_i^T minus the mean: rows of the weights.
Matrix read_rows(const TensorJob& job, std::size_t model, const std::vector<double>& mean,
                 Eigen::Index width, std::int64_t first, std::int64_t count) {
  Matrix rows(width, count);
  const std::span values(rows.data(), static_cast<std::size_t>(rows.size()));
  const std::int64_t begin = first * width;
  read_values(*job.models[model], begin, values);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] -= mean[static_cast<std::size_t>(begin) + i];
  return rows;
}

std::vector<double> mean_of(const TensorJob& job) {
  std::vector<double> mean(static_cast<std::size_t>(job.elements()));
  for_each_part(job, [&](std::int64_t first, std::int64_t count) {
    fill_mean(
        job, job.weights, first,
        std::span(mean).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
  });
  return mean;
}

// Decomposes the matrix, with a ridge when that is needed; returns the ridge's factor.
double decompose(const Matrix& matrix, Eigen::LLT<Matrix>& solver) {
  const double scale = matrix.diagonal().mean();
  for (double factor = 0; factor <= 1; factor = factor == 0 ? 1e-12 : factor * 100) {
    Matrix ridged = matrix;
    ridged.diagonal().array() += factor * scale;
    solver.compute(ridged);
    // A pivot lost in rounding is as good as zero.
    const auto pivots = solver.matrixLLT().diagonal().cwiseAbs();
    if (solver.info() == Eigen::Success && pivots.minCoeff() > 1e-7 * pivots.maxCoeff())
      return factor;
  }
  return -1;
}

}  // namespace

RegMean::RegMean(std::vector<Checkpoint> statistics, const RegMeanOptions& options)
    : statistics_(std::move(statistics)), options_(options) {
  if (!(options.off_diagonal >= 0 && options.off_diagonal <= 1))
    throw UsageError("the factor of off-diagonal entries must lie in 0..1, found " +
                     Json(options.off_diagonal).dump());
}

const TensorView* RegMean::gram_of(const TensorJob& job, std::size_t model) const {
  const Checkpoint& file = statistics_[job.origin[model]];
  if (const TensorView* gram = file.find(job.name)) return gram;
  constexpr std::string_view kWeight = ".weight";
  if (!job.name.ends_with(kWeight)) return nullptr;
  return file.find(job.name.substr(0, job.name.size() - kWeight.size()) + ".gram");
}

void RegMean::survey(std::span<const TensorJob> jobs, Progress&) {
  require_positive_weights(jobs, "RegMean");
  require_no_scale(jobs, "RegMean");
  for (const TensorJob& job : jobs) {
    if (job.models.size() != statistics_.size())
      throw UsageError("RegMean needs one file of Gram matrices for each model: there are " +
                       std::to_string(statistics_.size()) + " files for " +
                       std::to_string(job.models.size()) + " models");
    std::size_t known = 0;
    const Shape& shape = job.models.front()->shape;
    for (std::size_t i = 0; i < job.models.size(); ++i) {
      const TensorView* gram = gram_of(job, i);
      if (gram == nullptr) continue;
      ++known;
      const std::int64_t in = shape.size() < 2 || shape[0] == 0 ? 0 : job.elements() / shape[0];
      if (in == 0 || gram->shape != Shape{in, in})
        throw FormatError(statistics_[job.origin[i]].path(),
                          named(gram->name) + " has the shape " + to_string(gram->shape) +
                              ", but the weight is " + to_string(shape) +
                              (in == 0 ? ", which is no matrix"
                                       : ", whose inputs make a Gram "
                                         "matrix of " +
                                             to_string(Shape{in, in})));
    }
    if (known < job.models.size()) plain_.push_back(job.name);
  }
  std::ranges::sort(plain_);
}

void RegMean::prepare(const TensorJob& job) {
  name_ = job.name;
  merged_.clear();
  if (std::ranges::binary_search(plain_, job.name)) return;
  const std::size_t models = job.models.size();
  const std::int64_t out = job.models.front()->shape[0];
  const std::int64_t width = job.elements() / out;
  merged_ = mean_of(job);
  // G_i (W_i - mean)^T, summed; each block of columns by one thread.
  Matrix total = Matrix::Zero(width, width), right = Matrix::Zero(width, out);
  for (std::size_t i = 0; i < models; ++i) {
    if (job.weights[i] == 0) continue;
    const TensorView& view = *gram_of(job, i);
    const Matrix gram = read_gram(view, job.weights[i], options_.off_diagonal);
    if (!gram.allFinite() || !(gram.diagonal().minCoeff() >= 0))
      throw FormatError(statistics_[job.origin[i]].path(),
                        named(view.name) +
                            " is no Gram matrix: it holds values that are NaN or "
                            "infinite, or a negative diagonal");
    total += gram;
    parallel_for(out, kColumns, [&](std::int64_t begin, std::int64_t end) {
      const Matrix rows = read_rows(job, i, merged_, width, begin, end - begin);
      right.middleCols(begin, end - begin).noalias() += gram * rows;
    });
  }
  Eigen::LLT<Matrix> solver;
  const double ridge = decompose(total, solver);
  if (ridge < 0)
    throw FormatError(named(job.name) +
                      ": the Gram matrices cannot be used, their sum is not positive");
  if (ridge > 0) ridges_.emplace_back(job.name, ridge);
  parallel_for(out, kColumns, [&](std::int64_t begin, std::int64_t end) {
    Matrix columns = right.middleCols(begin, end - begin);
    solver.solveInPlace(columns);
    for (Eigen::Index i = 0; i < columns.size(); ++i)
      if (columns.data()[i] != 0)
        merged_[static_cast<std::size_t>(begin * width + i)] += columns.data()[i];
  });
}

void RegMean::fill(const TensorJob& job, std::int64_t first, std::span<double> out) const {
  assert(job.name == name_);
  if (merged_.empty()) return fill_mean(job, job.weights, first, out);
  std::ranges::copy(std::span(merged_).subspan(static_cast<std::size_t>(first), out.size()),
                    out.begin());
}

Json RegMean::options() const {
  Json files = Json::array();
  for (const Checkpoint& file : statistics_) files.push(file.path().string());
  return Json::object({{"statistics", std::move(files)}, {"off_diagonal", options_.off_diagonal}});
}

Json RegMean::findings() const {
  Json names = Json::array(), ridges = Json::object({});
  for (const std::string& name : plain_) names.push(name);
  for (const auto& [name, factor] : ridges_) ridges.set(name, factor);
  return Json::object({{"plain_mean", std::move(names)}, {"ridge", std::move(ridges)}});
}

}  // namespace stockpot
