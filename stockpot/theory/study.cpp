#include "stockpot/theory/study.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/threads.h"
#include "stockpot/theory/descent.h"
#include "stockpot/theory/flow.h"

namespace stockpot::theory {
namespace {

constexpr std::int64_t kMostSeeds = 1000;
constexpr std::size_t kMostValues = 100;         // of a sweep
constexpr std::int64_t kDescentSeeds = 3;        // gradient descent is slow
constexpr std::int64_t kDescentDimension = 240;  // and slower in large problems
constexpr double kNoError = 1e-20;               // below it, an error is rounding
constexpr std::array kDescentSteps = {0.05, 0.02, 0.01};
constexpr int kTimesADecade = 12, kDecades = 5;

void stop_if_asked() {
  if (stop_requested()) throw Interrupted("stopped before the study was complete");
}

ProblemOptions with_dimension(const StudyOptions& study, std::int64_t dimension) {
  ProblemOptions options = study.base;
  options.dimension = dimension;
  options.subspace = study.subspace > 0 ? study.subspace : dimension / 2;
  return options;
}

std::vector<ProblemOptions> settings_of(const StudyOptions& study, StudyPreset preset) {
  const ProblemOptions base = with_dimension(study, study.base.dimension);
  std::vector<ProblemOptions> settings;
  if (preset == StudyPreset::time) settings.push_back(base);
  if (preset == StudyPreset::eps)
    for (const double eps : study.eps) settings.emplace_back(base).eps = eps;
  if (preset == StudyPreset::alignment)
    for (const double phi : study.phi) settings.emplace_back(base).phi = phi;
  if (preset == StudyPreset::dimension)
    for (const std::int64_t dimension : study.dimensions)
      settings.push_back(with_dimension(study, dimension));
  return settings;
}

MethodResult flow_from(const SpanProblem& problem, const VectorXd& head,
                       std::span<const double> times, std::vector<FlowPoint>& path) {
  FlowResult flow = gradient_flow(problem, start_from(problem, head), times);
  path = std::move(flow.path);
  return {losses(problem, flow.end), flow.lowest_ood, flow.steps, flow.how};
}

using Paths = std::array<std::vector<FlowPoint>, kMethods.size()>;

Run run_one(const ProblemOptions& options, std::span<const double> times, Paths& paths) {
  stop_if_asked();
  const Problem problem = draw_problem(options);
  const InputSpan span = span_of(problem.inputs);
  const SpanProblem reduced = in_span(problem, span);
  const VectorXd probe = probe_head(reduced);
  Run run{.options = options, .geometry = measure(problem, span), .methods = {}};
  const Losses lp = losses(reduced, start_from(reduced, probe));
  run.methods = {MethodResult{.losses = lp, .lowest_ood = lp.ood},
                 flow_from(reduced, problem.head, times, paths[1]),
                 flow_from(reduced, probe, times, paths[2])};
  for (const double time : times)
    paths[0].push_back(
        {time, losses(reduced, start_from(reduced, probe_flow(reduced, problem.head, time)))});
  return run;
}

// Runs every setting with every seed; `paths`, when given, has a place for each of them in order.
std::vector<Point> run_points(const std::vector<ProblemOptions>& settings, std::int64_t seeds,
                              std::span<const double> times = {},
                              std::vector<Paths>* paths = nullptr) {
  std::vector<Point> points;
  for (const ProblemOptions& options : settings)
    points.push_back({options, std::vector<Run>(static_cast<std::size_t>(seeds))});
  const auto jobs = static_cast<std::int64_t>(settings.size()) * seeds;
  parallel_for(jobs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      Point& point = points[static_cast<std::size_t>(job / seeds)];
      ProblemOptions options = point.options;
      options.seed += static_cast<std::uint64_t>(job % seeds);
      Paths path;
      point.runs[static_cast<std::size_t>(job % seeds)] = run_one(options, times, path);
      if (paths) (*paths)[static_cast<std::size_t>(job)] = std::move(path);
    }
  });
  return points;
}

// The rates of the flow are of the order of ||X||_2^2, which grows like the dimension.
std::vector<double> times_for(std::int64_t dimension) {
  std::vector<double> times;
  for (int i = 0; i <= kTimesADecade * kDecades; ++i)
    times.push_back(std::pow(10.0, -2 + static_cast<double>(i) / kTimesADecade) /
                    static_cast<double>(dimension));
  return times;
}

double relative_change(double descent, double flow) {
  return std::max(descent, flow) < kNoError ? 0 : std::abs(descent / flow - 1);
}

std::vector<DescentCheck> check_descents(const Point& point) {
  if (point.options.dimension > kDescentDimension) return {};
  const auto seeds = std::min(static_cast<std::int64_t>(point.runs.size()), kDescentSeeds);
  std::vector<DescentResult> results(kDescentSteps.size() * static_cast<std::size_t>(seeds));
  parallel_for(static_cast<std::int64_t>(results.size()), 1,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t job = begin; job < end; ++job) {
                   stop_if_asked();
                   const auto run = static_cast<std::size_t>(job % seeds);
                   const Problem problem = draw_problem(point.runs[run].options);
                   const double step = kDescentSteps[static_cast<std::size_t>(job / seeds)];
                   results[static_cast<std::size_t>(job)] =
                       gradient_descent(problem, problem.head, {.step = step});
                 }
               });
  std::vector<DescentCheck> checks;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::size_t run = i % static_cast<std::size_t>(seeds);
    if (run == 0) checks.push_back({.step = kDescentSteps[checks.size()]});
    DescentCheck& check = checks.back();
    const double flow = point.runs[run].of(Method::ft).losses.ood;
    check.relative_change +=
        relative_change(results[i].losses.ood, flow) / static_cast<double>(seeds);
    check.off_span = std::max(check.off_span, results[i].off_span);
    check.imbalance = std::max(check.imbalance, results[i].imbalance);
    check.most_steps = std::max(check.most_steps, results[i].steps);
    check.converged = check.converged && results[i].converged;
    if (results[i].diverged) check.diverged = true;
    if (check.diverged) check.off_span = check.imbalance = std::numeric_limits<double>::quiet_NaN();
  }
  return checks;
}

TimeStudy run_time(const StudyOptions& options) {
  TimeStudy study;
  study.times = times_for(options.base.dimension);
  std::vector<Paths> paths(static_cast<std::size_t>(options.seeds));
  study.point =
      run_points(settings_of(options, StudyPreset::time), options.seeds, study.times, &paths)
          .front();
  for (std::size_t method = 0; method < kMethods.size(); ++method) {
    study.ood[method].assign(study.times.size(), 0);
    study.id[method].assign(study.times.size(), 0);
    for (const Paths& path : paths)
      for (std::size_t i = 0; i < study.times.size(); ++i) {
        study.ood[method][i] += path[method][i].losses.ood / static_cast<double>(paths.size());
        study.id[method][i] += path[method][i].losses.id / static_cast<double>(paths.size());
      }
  }
  study.descents = check_descents(study.point);
  return study;
}

template <typename Value>
double mean(const std::vector<Run>& runs, const Value& value) {
  double sum = 0;
  for (const Run& run : runs) sum += value(run);
  return sum / static_cast<double>(runs.size());
}

void check_count(const char* flag, std::size_t count) {
  if (count == 0 || count > kMostValues)
    throw UsageError(std::string(flag) + " has " + std::to_string(count) +
                     " values: expected 1 to " + std::to_string(kMostValues));
}

}  // namespace

std::string_view name_of(StudyPreset preset) {
  constexpr std::array<std::string_view, kPresets.size()> kNames = {"toy", "eps", "alignment",
                                                                    "dimension", "time"};
  return kNames[static_cast<std::size_t>(preset)];
}

std::string_view name_of(Method method) {
  constexpr std::array<std::string_view, kMethods.size()> kNames = {"LP", "FT", "LP-FT"};
  return kNames[static_cast<std::size_t>(method)];
}

bool Run::bound_holds() const {
  return std::sqrt(of(Method::ft).lowest_ood) >= geometry.bound - 1e-12;
}

double Point::mean_ood(Method method) const {
  return mean(runs, [&](const Run& run) { return run.of(method).losses.ood; });
}

double Point::mean_id(Method method) const {
  return mean(runs, [&](const Run& run) { return run.of(method).losses.id; });
}

void check(const StudyOptions& options) {
  if (options.seeds < 1 || options.seeds > kMostSeeds)
    throw UsageError("--seeds is " + std::to_string(options.seeds) + ": expected 1 to " +
                     std::to_string(kMostSeeds));
  for (const StudyPreset preset : options.presets) {
    if (preset == StudyPreset::eps) check_count("--eps", options.eps.size());
    if (preset == StudyPreset::alignment) check_count("--phi", options.phi.size());
    if (preset == StudyPreset::dimension) check_count("--dim", options.dimensions.size());
    for (const ProblemOptions& setting : settings_of(options, preset)) check(setting);
  }
}

Study run_study(const StudyOptions& options) {
  check(options);
  Study study;
  study.options = options;
  for (const StudyPreset preset : options.presets) {
    stop_if_asked();
    if (preset == StudyPreset::toy)
      study.toy = toy_rows();
    else if (preset == StudyPreset::time)
      study.time.push_back(run_time(options));
    else
      study.sweeps.push_back({preset, run_points(settings_of(options, preset), options.seeds)});
  }
  return study;
}

double log_slope(const std::vector<double>& x, const std::vector<double>& y) {
  double count = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!(x[i] > 0 && y[i] > 0)) continue;
    const double a = std::log(x[i]), b = std::log(y[i]);
    ++count, sum_x += a, sum_y += b, sum_xx += a * a, sum_xy += a * b;
  }
  const double spread = count * sum_xx - sum_x * sum_x;
  return count < 2 || spread <= 0 ? std::numeric_limits<double>::quiet_NaN()
                                  : (count * sum_xy - sum_x * sum_y) / spread;
}

}  // namespace stockpot::theory
