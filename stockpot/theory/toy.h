// The paper's Figure 2: d = 2, k = 1, B0 = B* = (cos a, sin a) with a = 30 degrees, v* = 1 and one
// training input (1, 0). The features are perfect, and fine-tuning from any other head than v*
// still spoils the prediction off the training span.
#pragma once

#include <vector>

namespace stockpot::theory {

struct Problem;

inline constexpr double kToyAngle = 30;  // degrees

Problem toy_problem(double head);

struct ToyPoint {
  double head = 0;     // v
  double feature = 0;  // b1; b2 = sin a at all times
  double ood = 0;      // (v sin a - sin a)^2
};

// Where the flow from v0 ends. b2 never moves and v^2 - b1^2 = v0^2 - cos^2 a =: c at all times, so
// with v b1 = cos a: v^2 = (c + sqrt(c^2 + 4 cos^2 a)) / 2. v is positive for v0 > -cos a and
// negative below; v0 = -cos a itself flows into the saddle at 0.
ToyPoint toy_limit(double head);

struct ToyRow {
  double start = 0;  // v0
  ToyPoint exact, by_flow, by_descent;
};

inline constexpr double kToyStep = 1e-4;  // of by_descent

// The six heads of the table, and any others.
std::vector<ToyRow> toy_rows(const std::vector<double>& starts = {0.2, 1, -0.5, -0.8, 3, -3});

}  // namespace stockpot::theory
