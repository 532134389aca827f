// The start of a learned soup that needs no forward pass of a mixture: the best mixture of the
// models' LOGITS, min over alpha and beta of CE(beta sum_i alpha_i z_i, y). Near the shared
// initialisation the logits of a soup are close to such a mixture.
#pragma once

#include <span>
#include <vector>

#include "stockpot/blend/coefficients.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot {

struct EnsembleSolution {
  std::vector<double> alpha;  // of one row
  double beta = 1;
  double loss = 0;     // of the mixture, the mean over the rows
  double uniform = 0;  // of the mean logits
  int iterations = 0;
};

// All models have logits of the same rows. Free coefficients make it convex; with the softmax it is
// solved in its raw numbers. At most `iterations` of L-BFGS.
EnsembleSolution solve_ensemble(std::span<const Predictions> models, Form form, bool learn_beta,
                                int iterations = 100);

}  // namespace stockpot
