// What the numbers of a study say, claim by claim of the paper.
#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/theory/study_text.h"

namespace stockpot::theory {
namespace {

std::vector<double> values(const Sweep& sweep, Method method) {
  std::vector<double> means;
  for (const Point& point : sweep.points) means.push_back(point.mean_ood(method));
  return means;
}

std::string out_of(std::size_t part, std::size_t whole, const std::string& what) {
  if (part == whole && whole > 1) return "all " + std::to_string(whole) + " " + what;
  return std::to_string(part) + " of " + std::to_string(whole) + " " + what;
}

// "a to b", or one value.
std::string span_text(const std::vector<double>& numbers) {
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  return brief(*low) + (brief(*low) == brief(*high) ? "" : " to " + brief(*high));
}

void read_toy(const std::vector<ToyRow>& rows, std::vector<std::string>& out) {
  double gap = 0, spoiled = 0, aligned = 0;
  for (const ToyRow& row : rows) {
    gap = std::max(gap, std::abs(row.by_flow.head - row.exact.head));
    (row.start == 1 ? aligned : spoiled) =
        std::max(row.start == 1 ? aligned : spoiled, row.exact.ood);
  }
  out.push_back(
      "Toy: with perfect features, fine-tuning fits the training input from every head, and is "
      "wrong off the training span by up to " +
      brief(spoiled) + "; from the true head (what LP-FT starts from) by " + brief(aligned) +
      ". Flow and closed form differ by at most " + brief(gap) + " in v.");
}

void read_eps(const Sweep& sweep, std::vector<std::string>& out) {
  std::vector<double> eps;
  for (const Point& point : sweep.points)
    // Features that share little with the true ones are outside the expansion in eps.
    eps.push_back(point.options.eps <= 0.2 ? point.options.eps : 0);
  const double lp = log_slope(eps, values(sweep, Method::lp)),
               lpft = log_slope(eps, values(sweep, Method::lpft)),
               ft = log_slope(eps, values(sweep, Method::ft));
  if (std::isfinite(lp))
    out.push_back(
        "Feature quality: for eps up to 0.2 the OOD error of LP grows as eps^" + fixed(lp, 2) +
        ", that of LP-FT as eps^" + fixed(lpft, 2) + ", that of FT as eps^" + fixed(ft, 2) +
        (std::abs(ft) < 0.1 ? ": better features do not help FT from a random head." : "."));
  for (const Point& point : sweep.points) {
    if (point.options.eps != 0) continue;
    out.push_back("Perfect features (Proposition 3.2): the OOD error is " +
                  brief(point.mean_ood(Method::lp)) + " for LP, " +
                  brief(point.mean_ood(Method::lpft)) + " for LP-FT and " +
                  brief(point.mean_ood(Method::ft)) + " for FT.");
  }
}

void read_order(const Sweep& sweep, std::vector<std::string>& out) {
  std::size_t ordered = 0, beaten = 0, fitted = 0, runs = 0;
  for (const Point& point : sweep.points)
    for (const Run& run : point.runs) {
      if (run.options.eps == 0) continue;  // LP and LP-FT are exact: nothing to order
      const double lp = run.of(Method::lp).losses.ood, ft = run.of(Method::ft).losses.ood,
                   lpft = run.of(Method::lpft).losses.ood;
      ++runs;
      ordered += lpft < lp && lp < ft;
      beaten += ft < lp;
      fitted += run.of(Method::ft).losses.id < run.of(Method::lp).losses.id;
    }
  if (runs == 0) return;
  out.push_back("Against " + std::string(name_of(sweep.preset)) + ": OOD, LP-FT < LP < FT in " +
                out_of(ordered, runs, "problems with imperfect features") + "; FT beats LP in " +
                std::to_string(beaten) + ". ID, FT is below LP in " +
                out_of(fitted, runs, "of them") + " (Proposition 3.1).");
}

void read_alignment(const Sweep& sweep, std::vector<std::string>& out) {
  const Point* best = &sweep.points.front();
  const Point* worst = best;
  for (const Point& point : sweep.points) {
    if (*point.options.phi < *best->options.phi) best = &point;
    if (*point.options.phi > *worst->options.phi) worst = &point;
  }
  if (best == worst) return;
  double harmless = -1;  // the largest phi at which FT is no worse than LP
  for (const Point& point : sweep.points)
    if (point.mean_ood(Method::ft) <= point.mean_ood(Method::lp))
      harmless = std::max(harmless, *point.options.phi);
  out.push_back(
      "Head alignment: FT's OOD error goes from " + brief(best->mean_ood(Method::ft)) +
      " at phi = " + shortest(*best->options.phi) + " to " + brief(worst->mean_ood(Method::ft)) +
      " at phi = " + shortest(*worst->options.phi) + "; LP (" + brief(best->mean_ood(Method::lp)) +
      ") and LP-FT (" + brief(best->mean_ood(Method::lpft)) +
      ") do not depend on the head that FT would start from." +
      (harmless < 0 ? ""
                    : " At phi = " + shortest(harmless) +
                          " FT is still no worse than LP: a good first head is what it needs, "
                          "and LP-FT makes one from the data."));
}

void read_dimension(const Sweep& sweep, std::vector<std::string>& out) {
  if (sweep.points.size() < 2) return;
  out.push_back("Dimension: from d = " + std::to_string(sweep.points.front().options.dimension) +
                " to " + std::to_string(sweep.points.back().options.dimension) +
                " the OOD error of LP is " + span_text(values(sweep, Method::lp)) + ", of LP-FT " +
                span_text(values(sweep, Method::lpft)) + ", of FT " +
                span_text(values(sweep, Method::ft)) + ".");
}

void read_time(const TimeStudy& study, std::vector<std::string>& out) {
  const std::vector<double>& ft = study.ood[static_cast<std::size_t>(Method::ft)];
  const auto best = std::min_element(ft.begin(), ft.end());
  const double end = study.point.mean_ood(Method::ft), lp = study.point.mean_ood(Method::lp);
  std::string way = " at first and falls to " + brief(end);
  if (*best <= 0.99 * end)  // within a percent, the end is the best
    way = " at first, " + brief(*best) +
          " at its best (t = " + brief(study.times[static_cast<std::size_t>(best - ft.begin())]) +
          ") and " + brief(end) + " in the end";
  out.push_back(
      "Time: FT's OOD error is " + brief(ft.front()) + way + ", while its ID error falls to " +
      brief(study.point.mean_id(Method::ft)) +
      (std::min(*best, end) > lp
           ? ". At no time does it come to LP's " + brief(lp) + ": stopping early is no cure."
           : ". At its best it is not above LP's " + brief(lp) + "."));
}

void read_descent(const std::vector<DescentCheck>& checks, std::vector<std::string>& out) {
  if (checks.size() < 2) return;
  const DescentCheck &coarse = checks.front(), &fine = checks.back();
  std::vector<std::string> lost;
  for (const DescentCheck& check : checks)
    if (check.diverged) lost.push_back(shortest(check.step));
  if (!lost.empty()) {
    out.push_back("Gradient descent diverges from a head this large with steps of " +
                  join(lost, ", ") +
                  " of 1/||X||^2, in one problem or more: it needs shorter steps, the flow does "
                  "not.");
    return;
  }
  const std::string steps = "Gradient descent with steps of " + shortest(coarse.step) + " and " +
                            shortest(fine.step) + " of 1/||X||^2 ";
  const std::string kept = "moves nothing off the training span (" + brief(fine.off_span) +
                           "), and v v^T - B B^T changes by " + brief(coarse.imbalance) + " and " +
                           brief(fine.imbalance) + ".";
  if (coarse.converged && fine.converged)
    out.push_back(steps + "ends " + brief(100 * coarse.relative_change) + " % and " +
                  brief(100 * fine.relative_change) + " % from the flow; it " + kept);
  else
    out.push_back(
        steps + "is not at its end after " + grouped(fine.most_steps + 1) +
        " steps in every problem: the inputs are too uneven for it, not for the flow. It " + kept);
}

template <typename Visit>
void each_run(const Study& study, const Visit& visit) {
  for (const Sweep& sweep : study.sweeps)
    for (const Point& point : sweep.points)
      std::for_each(point.runs.begin(), point.runs.end(), visit);
  for (const TimeStudy& time : study.time)
    std::for_each(time.point.runs.begin(), time.point.runs.end(), visit);
}

void read_bound(const Study& study, std::vector<std::string>& out) {
  std::size_t runs = 0, holds = 0, speaks = 0, unfinished = 0;
  double tightest = 0;
  each_run(study, [&](const Run& run) {
    ++runs;
    holds += run.bound_holds();
    for (const MethodResult& method : run.methods) unfinished += method.how != FlowEnd::converged;
    const double least = std::sqrt(run.of(Method::ft).lowest_ood);
    if (run.geometry.bound <= 0 || least <= 0) return;
    ++speaks;
    tightest = std::max(tightest, run.geometry.bound / least);
  });
  if (runs == 0) return;
  std::string sentence = "Lower bound (Theorem 3.1): it held at every step of " +
                         out_of(holds, runs, "runs") + " of FT. It is positive in " +
                         std::to_string(speaks) + " of them";
  if (speaks > 0)
    sentence +=
        ", where it comes to at most " + fixed(100 * tightest, 0) + " % of the smallest error";
  out.push_back(sentence + ": it shows that an error must remain, not how large it is.");
  if (unfinished > 0)
    out.push_back("Note: " + std::to_string(unfinished) +
                  " flows did not come to the end of training; their numbers are of where they "
                  "stopped.");
}

}  // namespace

std::vector<std::string> reading(const Study& study) {
  std::vector<std::string> sentences;
  if (!study.toy.empty()) read_toy(study.toy, sentences);
  for (const Sweep& sweep : study.sweeps) {
    if (sweep.preset == StudyPreset::eps) read_eps(sweep, sentences);
    if (sweep.preset == StudyPreset::alignment) read_alignment(sweep, sentences);
    if (sweep.preset == StudyPreset::dimension) read_dimension(sweep, sentences);
    read_order(sweep, sentences);
  }
  for (const TimeStudy& time : study.time) {
    read_time(time, sentences);
    read_descent(time.descents, sentences);
  }
  read_bound(study, sentences);
  return sentences;
}

}  // namespace stockpot::theory
