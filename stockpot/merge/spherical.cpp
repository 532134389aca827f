#include "stockpot/merge/spherical.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/combination.h"

namespace stockpot {

std::array<double, 2> slerp_coefficients(double t, double cosine, bool linear) {
  if (linear || t == 0 || t == 1) return {1 - t, t};
  const double angle = std::acos(cosine);
  return {std::sin((1 - t) * angle) / std::sin(angle), std::sin(t * angle) / std::sin(angle)};
}

void SphericalMerge::survey(std::span<const TensorJob> jobs, Progress&) {
  for (const TensorJob& job : jobs)
    if (job.base == nullptr) require_no_scale({&job, 1}, "a spherical merge");
  check(jobs);
}

std::vector<double> SphericalMerge::coefficients(const TensorJob& job, const Gram& gram,
                                                 Json& finding) const {
  std::vector<double> result(job.models.size());
  if (gram.equal())
    result[0] = 1;
  else
    result = find(job, gram, finding);
  if (job.base != nullptr)
    for (double& coefficient : result) coefficient *= job.scale;
  return result;
}

void SphericalMerge::study(const TensorJob& job, TensorPass& pass) {
  if (coefficients_.contains(job.name)) return;
  Json finding = Json::object({{"name", job.name}});
  std::vector<double>& all = coefficients_[job.name];
  if (!by_rows_) {
    all = coefficients(job, gram(job, pass), finding);
    Json list = Json::array();
    for (const double coefficient : all) list.push(coefficient);
    finding.set("coefficients", std::move(list));
  } else {
    const std::int64_t rows = row_count(job);
    all.resize(static_cast<std::size_t>(rows) * job.models.size());
    gram_by_rows(job, [&](std::int64_t row, const Gram& products) {
      Json unused;
      std::ranges::copy(coefficients(job, products, unused),
                        all.begin() + row * static_cast<std::int64_t>(job.models.size()));
    });
    finding.set("rows", rows);
  }
  findings_.push_back(std::move(finding));
}

void SphericalMerge::fill(const TensorJob& job, std::int64_t first, std::span<double> out) const {
  const std::vector<double>& all = coefficients_.at(job.name);
  const std::size_t models = job.models.size();
  const auto rows = static_cast<std::int64_t>(all.size() / models);
  const std::int64_t width =
      std::max<std::int64_t>(1, job.elements() / std::max<std::int64_t>(1, rows));
  const auto count = static_cast<std::int64_t>(out.size());
  for (std::int64_t begin = 0; begin < count;) {
    const std::int64_t row = (first + begin) / width;
    const std::int64_t end = std::min(count, (row + 1) * width - first);
    fill_combination(
        job, std::span(all).subspan(static_cast<std::size_t>(row) * models, models), first + begin,
        out.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    begin = end;
  }
}

Json SphericalMerge::findings() const { return Json::object({{"tensors", Json(findings_)}}); }

SlerpOptions SlerpOptions::nuslerp() {
  SlerpOptions options;
  options.t_from_weights = true;
  options.linear_above = 1 - 1e-12;
  return options;
}

Slerp::Slerp(const SlerpOptions& options) : SphericalMerge(options.by_rows), options_(options) {
  if (!(options.t >= 0 && options.t <= 1))
    throw UsageError("t must lie in 0..1, found " + Json(options.t).dump());
}

void Slerp::check(std::span<const TensorJob> jobs) const {
  for (const TensorJob& job : jobs)
    if (job.models.size() != 2)
      throw UsageError("SLERP joins two models, tensor '" + printable(job.name) + "' has " +
                       std::to_string(job.models.size()) + "; karcher takes any number");
  if (!options_.t_from_weights) require_equal_weights(jobs, "SLERP");
}

std::vector<double> Slerp::find(const TensorJob& job, const Gram& gram, Json& finding) const {
  // From the caller's first model to the second, whatever their order here.
  double t = job.origin[0] < job.origin[1] ? options_.t : 1 - options_.t;
  if (options_.t_from_weights) {
    const double total = job.weights[0] + job.weights[1];
    t = total == 0 ? 0.5 : job.weights[1] / total;
  }
  const bool zero = gram.norm(0) == 0 || gram.norm(1) == 0;
  const double cosine = zero ? 0 : gram.cosine(0, 1);
  const bool linear = zero || std::abs(cosine) > options_.linear_above;
  finding.set("cosine", zero ? Json() : Json(cosine));
  const std::array<double, 2> both = slerp_coefficients(t, cosine, linear);
  return {both[0], both[1]};
}

Json Slerp::options() const {
  Json options = Json::object({{"linear_above", options_.linear_above}});
  if (options_.t_from_weights)
    options.set("t", "from the weights");
  else
    options.set("t", options_.t);
  options.set("by_rows", options_.by_rows);
  return options;
}

KarcherMean::KarcherMean(const KarcherOptions& options) : SphericalMerge(false), options_(options) {
  if (options.iterations < 0 || !(options.tolerance > 0))
    throw UsageError("the Karcher mean needs a tolerance above 0 and 0 iterations or more");
}

void KarcherMean::check(std::span<const TensorJob> jobs) const {
  require_positive_weights(jobs, "the Karcher mean");
}

namespace {

double product(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// A combination of unit vectors. Its coordinates in an orthonormal basis tell angles and norms,
// which the coefficients alone lose where the vectors cancel.
struct Combination {
  std::vector<double> coefficients, coordinates;

  explicit Combination(std::size_t count) : coefficients(count), coordinates(count) {}

  double norm() const { return std::sqrt(product(coordinates, coordinates)); }

  void add(double factor, const Combination& other) {
    for (std::size_t i = 0; i < coefficients.size(); ++i) {
      coefficients[i] += factor * other.coefficients[i];
      coordinates[i] += factor * other.coordinates[i];
    }
  }

  void scale(double factor) {
    for (double& coefficient : coefficients) coefficient *= factor;
    for (double& coordinate : coordinates) coordinate *= factor;
  }
};

// The vectors themselves, from their cosines: Cholesky's decomposition, the vector with the
// largest rest first.
std::vector<Combination> unit_vectors(const Gram& gram, const std::vector<std::size_t>& which) {
  // Of a squared distance: what the rounding of cosines leaves of a vector in the others' span.
  constexpr double rounding = 1e-14;
  const std::size_t count = which.size();
  std::vector<Combination> vectors(count, Combination(count));
  std::vector<double> rest(count, 1);  // squared distances from the span of the axes so far
  std::vector<bool> has_axis(count);
  for (std::size_t axis = 0; axis < count; ++axis) {
    const auto next = static_cast<std::size_t>(std::ranges::max_element(rest) - rest.begin());
    if (rest[next] < rounding) break;
    const double length = std::sqrt(rest[next]);
    for (std::size_t i = 0; i < count; ++i) {
      if (i == next || has_axis[i]) continue;
      const double along = (gram.cosine(which[next], which[i]) -
                            product(vectors[next].coordinates, vectors[i].coordinates)) /
                           length;
      vectors[i].coordinates[axis] = along;
      rest[i] -= along * along;
    }
    vectors[next].coordinates[axis] = length;
    has_axis[next] = true;
    rest[next] = 0;
  }
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i].scale(1 / vectors[i].norm());
    vectors[i].coefficients[i] = 1;
  }
  return vectors;
}

// sum_i a_i log_u(u_i). Vectors closer than the tolerance add nothing, and neither do those as
// close to the opposite of u: what rounding leaves of their direction says nothing.
Combination tangent_at(const std::vector<Combination>& vectors, const Combination& u,
                       const std::vector<double>& weights, double tolerance) {
  Combination tangent(vectors.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const double cosine = std::clamp(product(u.coordinates, vectors[i].coordinates), -1.0, 1.0);
    const double angle = std::acos(cosine);
    if (angle < tolerance || angle > std::numbers::pi - tolerance) continue;
    const double length = weights[i] * angle / std::sin(angle);
    tangent.add(length, vectors[i]);
    tangent.add(-length * cosine, u);
  }
  return tangent;
}

// Moves u to the mean direction; returns the number of steps taken.
int walk(const std::vector<Combination>& vectors, const std::vector<double>& weights,
         const KarcherOptions& options, Combination& u) {
  for (int step = 0; step < options.iterations; ++step) {
    const Combination tangent = tangent_at(vectors, u, weights, options.tolerance);
    const double length = tangent.norm();
    if (length < options.tolerance) return step;
    u.scale(std::cos(length));
    u.add(std::sin(length) / length, tangent);
    u.scale(1 / u.norm());
  }
  return options.iterations;
}

}  // namespace

std::vector<double> KarcherMean::find(const TensorJob& job, const Gram& gram, Json& finding) const {
  const double total = sum(job.weights);
  std::vector<std::size_t> which;
  std::vector<double> weights, result(job.models.size());
  double mean_norm = 0;
  for (std::size_t i = 0; i < job.models.size(); ++i) {
    mean_norm += job.weights[i] / total * gram.norm(i);
    if (gram.norm(i) == 0 || job.weights[i] == 0) continue;
    which.push_back(i);
    weights.push_back(job.weights[i]);
  }
  if (which.empty()) return result;
  if (which.size() == 1) {
    result[which[0]] = mean_norm / gram.norm(which[0]);
    return result;
  }
  const double used = sum(weights);
  for (double& weight : weights) weight /= used;
  const std::vector<Combination> vectors = unit_vectors(gram, which);
  Combination u(which.size());
  for (std::size_t i = 0; i < which.size(); ++i) u.add(weights[i], vectors[i]);
  const double length = u.norm();
  if (length >= options_.tolerance) {
    u.scale(1 / length);
  } else if (options_.iterations > 0) {
    u = vectors[0];
  } else if (job.models.size() == 2) {
    return {job.weights[0] / total, job.weights[1] / total};
  } else {
    throw UsageError("tensor '" + printable(job.name) +
                     "': the models' directions cancel out, so that their mean has none; give "
                     "other weights or use karcher");
  }
  finding.set("steps", walk(vectors, weights, options_, u));
  for (std::size_t i = 0; i < which.size(); ++i)
    result[which[i]] = mean_norm * u.coefficients[i] / gram.norm(which[i]);
  return result;
}

Json KarcherMean::options() const {
  return Json::object({{"iterations", options_.iterations}, {"tolerance", options_.tolerance}});
}

}  // namespace stockpot
