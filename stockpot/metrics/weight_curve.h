// The line between two models, (1 - alpha) A + alpha B, as it was measured: which alpha to take,
// which others are as good for all that is known, and whether something lies in between.
// WiSE-FT (Wortsman et al. 2021); linear mode connectivity (Frankle et al. 2020).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stockpot/metrics/accuracy.h"
#include "stockpot/metrics/paired_test.h"

namespace stockpot {

// A mixture on one set.
struct CurveScore {
  Accuracy accuracy;
  double nll = 0;
};

struct CurvePoint {
  double alpha = 0;
  std::vector<CurveScore> scores;  // one a set
};

// What held-out rows say about a point.
struct HeldOutPoint {
  RightRows right;
  double nll = 0;
};

struct CurveChoice {
  std::size_t best = 0;           // the largest number of right rows; then the smaller loss; then
                                  // the smaller alpha
  std::vector<PairedTest> tests;  // the best (first) against each point
  // The points around the best one, without a gap, that are not worse than it at this level:
  // first to last.
  std::size_t first = 0, last = 0;
};
// The points lie in order of alpha and are of the same held-out rows, which show `pictures`. Throws
// UsageError when there are none.
CurveChoice choose_alpha(std::span<const HeldOutPoint> held_out, double level = 0.05,
                         const Pictures& pictures = {});

// How far the curve of one set leaves the straight line between its ends, with sign: positive when
// a mixture is worse than the same share of the ends. Over points with 0 < alpha < 1.
struct Barrier {
  double accuracy = 0, nll = 0;        // largest; negative when all points are better than the line
  double at_accuracy = 0, at_nll = 0;  // the alpha
};
// Nothing without points at 0, at 1 and between.
std::optional<Barrier> barrier(std::span<const CurvePoint> points, std::size_t set);

}  // namespace stockpot
