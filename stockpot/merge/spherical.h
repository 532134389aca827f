// Interpolation on spheres: SLERP of two models (Shoemake 1985, "Animating Rotation with
// Quaternion Curves"), NuSLERP (mergekit) and means of any number of models.
//
// Where the job has a base, all work on task vectors and their result is added to the base,
// times TensorJob::scale (Ramé et al. 2024, WARP); otherwise on the models' values themselves.
// All need only the inner products of a tensor's models: one pass, then a linear combination.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/merge/gram.h"
#include "stockpot/merge/method.h"

namespace stockpot {

// The coefficients of two vectors with the angle acos(cosine): sin((1-t) a) / sin a and
// sin(t a) / sin a; 1 - t and t when `linear`. t = 0 and t = 1 give the vectors exactly.
std::array<double, 2> slerp_coefficients(double t, double cosine, bool linear);

// What SLERP and the means have in common: the coefficients of each tensor's, or row's, models.
class SphericalMerge : public MergeMethod {
 public:
  void survey(std::span<const TensorJob> jobs, Progress& progress) override;
  void study(const TensorJob& job, TensorPass& pass) override;
  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const override;
  // For each tensor {name, coefficients}, and what `find` adds; by rows {name, rows}.
  Json findings() const override;

 protected:
  explicit SphericalMerge(bool by_rows) : by_rows_(by_rows) {}
  virtual void check(std::span<const TensorJob> jobs) const = 0;
  // The coefficients of models that are not all equal. Called from several threads.
  virtual std::vector<double> find(const TensorJob& job, const Gram& gram, Json& finding) const = 0;

 private:
  std::vector<double> coefficients(const TensorJob& job, const Gram& gram, Json& finding) const;

  bool by_rows_;
  std::map<std::string, std::vector<double>> coefficients_;  // by tensor: row after row
  std::vector<Json> findings_;
};

struct SlerpOptions {
  double t = 0.5;
  bool t_from_weights = false;  // NuSLERP: t = w_2 / (w_1 + w_2), 0.5 when they add up to zero
  bool by_rows = false;         // each row (gram.h) by itself, an option of NuSLERP
  // Vectors are mixed linearly when |cosine| is larger; also when one of them is zero.
  double linear_above = 0.9995;
  // 1 - 1e-12 for NuSLERP: closer to 1 (mergekit: 1 - 5e-17), the rounding of the cosine would
  // decide whether opposite vectors are mixed linearly or multiplied by 1e8.
  static SlerpOptions nuslerp();
};

// Two models, from the one with the smaller TensorJob::origin to the other. Without t_from_weights
// they have no weights. Throws UsageError for a t outside 0..1 or another number of models.
class Slerp : public SphericalMerge {
 public:
  explicit Slerp(const SlerpOptions& options);
  Json options() const override;

 private:
  void check(std::span<const TensorJob> jobs) const override;
  std::vector<double> find(const TensorJob& job, const Gram& gram, Json& finding) const override;
  SlerpOptions options_;
};

struct KarcherOptions {
  // 0: the direction of the weighted mean of unit vectors, which is Multi-SLERP (mergekit): its
  // step in the tangent space at that mean is zero.
  int iterations = 10;
  double tolerance = 1e-5;  // of angles, in radians
};

// The weighted mean on the sphere (Karcher 1977) of the models' directions, times the weighted
// mean of their norms. Starts at the direction of the mean of unit vectors (at the first
// model's when that is zero), then u <- exp_u(sum_i a_i log_u(u_i)) until the step is below the
// tolerance. Models of norm zero take part in the mean norm only. With iterations = 0 a zero
// mean direction is an error (UsageError); two models are then mixed linearly.
class KarcherMean : public SphericalMerge {
 public:
  explicit KarcherMean(const KarcherOptions& options);
  Json options() const override;

 private:
  void check(std::span<const TensorJob> jobs) const override;
  std::vector<double> find(const TensorJob& job, const Gram& gram, Json& finding) const override;
  KarcherOptions options_;
};

}  // namespace stockpot
