// The soup of two models against their ensemble (Wortsman et al. 2022, section 4). With theta_a =
// (1 - a) theta_0 + a theta_1 and f_t the logits at theta_t, for each logit exactly
//
//   f_a - [(1 - a) f_0 + a f_1] = - int_0^1 w_a(t) d^2 f_t / dt^2 dt,  w_a(t) = min{(1-a) t, a
//   (1-t)}
//
// and for the cross-entropy at the inverse temperature beta, approximately (equation 1),
//
//   L_soup - L_ens ~ a (1 - a) / 2 * ( - d^2 L_soup / da^2
//                    + beta^2 E_x Var_{Y ~ softmax(beta f_a)} [f_1 - f_0] ).
//
// When f is linear in the weights, both sides of both are 0. Logits are sums in fp64.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot::landscape {

// w_a(t).
double kink_weight(double alpha, double t);

// - int w_a(t) f''(t) dt by Simpson's rule on both sides of the kink, `intervals` (even) each.
double curvature_integral(const std::function<double(double)>& second_derivative, double alpha,
                          int intervals);

// The same from values of f at 0, h, 2h, ..., 1: second derivatives by differences of fourth order.
// There are at least 7 values, and alpha = `kink` * h where `kink` and the intervals behind it are
// even. Throws UsageError otherwise.
double sampled_integral(std::span<const double> values, std::size_t kink);

// How well the identity holds for logits along a path, over all rows and classes.
struct IdentityCheck {
  double difference = 0;  // root mean square of soup - ensemble, directly
  double integral = 0;    // the same by the integral
  double residual = 0;    // of the difference of the two: what the grid is too coarse for
};
// `path`: predictions on one set at 0, h, ..., 1, as sampled_integral() wants them.
IdentityCheck check_identity(std::span<const Predictions> path, std::size_t kink);

// The mean negative log-likelihood of softmax(beta * logits).
double loss_at(const Predictions& predictions, double beta);
// The beta in [0.01, 100] with the least loss, to 1e-6 of itself: it calibrates the model.
double best_beta(const Predictions& predictions);

// What is needed on one set: the end points, the soup and its neighbours at alpha -+ step.
struct GapLogits {
  const Predictions& first;
  const Predictions& second;
  const Predictions& before;
  const Predictions& soup;
  const Predictions& after;
};

struct SoupGap {
  double soup_loss = 0, ensemble_loss = 0;
  double curvature = 0, variance = 0;  // the two terms of equation 1; predicted is their sum
  double standard_error = 0;           // of measured(), from the paired rows
  Accuracy first, second, soup, ensemble;

  double predicted() const { return curvature + variance; }
  double measured() const { return soup_loss - ensemble_loss; }
  // The advice: a lower loss is expected of the soup.
  bool advises_soup() const { return predicted() <= 0; }
  bool right() const { return advises_soup() == (measured() <= 0); }
  // Whether the measured difference is more than two standard errors.
  bool clear() const { return std::abs(measured()) > 2 * standard_error; }
};

// All predictions are of the same rows. `alpha`: the weight of the second model, with step < alpha
// and alpha + step < 1. Throws UsageError for other values.
SoupGap soup_gap(const GapLogits& logits, double alpha, double step, double beta);

// Logits of (1 - alpha) * first + alpha * second, in fp64, rounded once.
Predictions mixed_logits(const Predictions& first, const Predictions& second, double alpha);

struct PairGap {
  std::size_t i = 0, j = 0;
  double beta = 1;                        // fitted on the held-out set
  std::vector<SoupGap> sets;              // one a set
  std::optional<IdentityCheck> identity;  // on the held-out set
};

// How often the advice was right on one set.
struct GapAgreement {
  std::int64_t pairs = 0, right = 0;
  std::int64_t clear = 0, right_clear = 0;  // of pairs whose measured difference is clear
  double rank = 0, pearson = 0;             // predicted with measured
  std::int64_t soup_better = 0;             // pairs whose soup has the lower loss
};

struct GapStudy {
  std::vector<std::string> names;  // of the models
  std::vector<std::string> paths;
  std::vector<std::string> sets;  // the held-out one first
  double alpha = 0.5, step = 0.125;
  std::vector<PairGap> pairs;
  std::size_t all_pairs = 0;
  std::vector<std::string> notes;

  GapAgreement agreement(std::size_t set) const;
};

std::string gap_text(const GapStudy& study, std::size_t width);
Json to_json(const GapStudy& study);
// One pair as the ledger of a study keeps it, and back; the latter throws FormatError.
Json to_json(const PairGap& pair);
PairGap pair_from_json(const Json& json);

}  // namespace stockpot::landscape
