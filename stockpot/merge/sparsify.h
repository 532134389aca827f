// Sparsification of task vectors by magnitude, and the merges that consist of it and a sum or
// an election of signs: magnitude pruning and Model Breadcrumbs (Davari and Belilovsky 2023,
// "Model Breadcrumbs: Scaling Multi-Task Model Merging with Sparse Masks").
#pragma once

#include <cstdint>
#include <memory>

#include "stockpot/merge/task_vectors.h"

namespace stockpot {

enum class TrimScope {
  global,  // one ranking for the whole task vector of a model
  tensor,  // one for each tensor
};

// How many of N elements a density keeps.
enum class TrimCount {
  rounded,    // max(1, round(density * N))
  truncated,  // max(1, int(density * N)), as mergekit
  at_least,   // all not below the (int(density * N) + 1)-th largest, equal ones too: the
              // reference program of TIES
};

struct TrimOptions {
  double density = 0.2;
  TrimScope scope = TrimScope::global;
  TrimCount count = TrimCount::rounded;
};

// Keeps the largest magnitudes; among equal ones those at lower positions.
std::unique_ptr<Sparsifier> magnitude_trim(const TrimOptions& options);

struct BreadcrumbsOptions {
  double density = 0.9;
  double gamma = 0.01;                   // the share of the largest that is dropped
  TrimCount count = TrimCount::rounded;  // not at_least
};

// Drops int(gamma * N) of the largest magnitudes of each tensor (fewer where the density could
// not be met) and as many of the smallest as leave the density. No outlier is dropped from
// tensors of fewer than 1 / gamma elements.
std::unique_ptr<Sparsifier> breadcrumbs_trim(const BreadcrumbsOptions& options);

// The number of elements that a density keeps.
std::int64_t kept_count(double density, std::int64_t elements, TrimCount count);

struct SparseMergeOptions {
  double lambda = 1;
  bool elect = false;      // TIES' election of signs instead of the sum
  bool normalize = false;  // divide by the sum of the weights that took part
};

std::unique_ptr<MergeMethod> magnitude_merge(const TrimOptions& trim,
                                             const SparseMergeOptions& options);
std::unique_ptr<MergeMethod> breadcrumbs_merge(const BreadcrumbsOptions& breadcrumbs,
                                               const SparseMergeOptions& options);

}  // namespace stockpot
