// What `stockpot theory` computes: the toy, and LP, FT and LP-FT over random problems against
// feature quality, head alignment, dimension and time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "stockpot/theory/geometry.h"
#include "stockpot/theory/setting.h"
#include "stockpot/theory/toy.h"

namespace stockpot::theory {

enum class StudyPreset { toy, eps, alignment, dimension, time };
inline constexpr std::array kPresets = {StudyPreset::toy, StudyPreset::eps, StudyPreset::alignment,
                                        StudyPreset::dimension, StudyPreset::time};
std::string_view name_of(StudyPreset preset);  // "toy", ..., as on the command line

enum class Method { lp, ft, lpft };
inline constexpr std::array kMethods = {Method::lp, Method::ft, Method::lpft};
std::string_view name_of(Method method);  // "LP", "FT", "LP-FT"

struct StudyOptions {
  std::vector<StudyPreset> presets{kPresets.begin(), kPresets.end()};
  std::vector<double> eps = {0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1};
  std::vector<double> phi = {0, 0.1, 0.25, 0.5, 0.75, 0.9, 1};
  std::vector<std::int64_t> dimensions = {30, 60, 120, 240, 480};
  ProblemOptions base;        // what a sweep does not vary; base.seed is the first seed
  std::int64_t subspace = 0;  // m for every dimension; 0: half of it. base.subspace is not read
  std::int64_t seeds = 10;    // problems a point
};

// Throws UsageError that names the flag, before anything is computed.
void check(const StudyOptions& options);

struct MethodResult {
  Losses losses;          // at the end
  double lowest_ood = 0;  // over the whole path; LP: at its end
  int steps = 0;
  FlowEnd how = FlowEnd::converged;
};

// One problem.
struct Run {
  ProblemOptions options;
  ProblemGeometry geometry;
  std::array<MethodResult, kMethods.size()> methods;

  const MethodResult& of(Method method) const { return methods[static_cast<std::size_t>(method)]; }
  // Theorem 3.1: at no step was FT's sqrt(L_ood) below the bound. Rounding is forgiven.
  bool bound_holds() const;
};

// One setting, with a run a seed.
struct Point {
  ProblemOptions options;
  std::vector<Run> runs;

  double mean_ood(Method method) const;
  double mean_id(Method method) const;
};

struct Sweep {
  StudyPreset preset;  // eps, alignment or dimension
  std::vector<Point> points;
};

// Gradient descent against the flow on the same problem.
struct DescentCheck {
  double step = 0;             // times 1 / ||X||_2^2
  double relative_change = 0;  // of FT's OOD loss at the end: mean of |descent / flow - 1|
  double off_span = 0;         // invariant I1: largest movement off the training span
  double imbalance = 0;        // invariant I2: largest change of v v^T - B B^T
  int most_steps = 0;
  bool converged = true;
  bool diverged = false;  // in one problem or more: the numbers above are then NaN
};

// Means over the seeds along time, all methods from the same problems: LP and FT start from v0,
// LP-FT from the probe's end.
struct TimeStudy {
  Point point;
  std::vector<double> times;
  std::array<std::vector<double>, kMethods.size()> ood, id;
  std::vector<DescentCheck> descents;  // empty for large dimensions, where it would take minutes
};

struct Study {
  StudyOptions options;
  std::vector<ToyRow> toy;
  std::vector<Sweep> sweeps;
  std::vector<TimeStudy> time;  // one, or none
};

// Seeds and points run on threads(); the result does not depend on how many. Throws as check()
// does, and Interrupted when asked to stop.
Study run_study(const StudyOptions& options);

// The slope of log(y) over log(x), least squares over the pairs that are positive; NaN for fewer
// than two.
double log_slope(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace stockpot::theory
