// Tiles of task vectors and linear combinations of models: what the methods share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/merge/method.h"

namespace stockpot {

// The values of the base, or zeros without one.
void read_base(const TensorJob& job, std::int64_t first, std::span<double> out);
// A model's values minus those of the base, which the caller has read; its values when `base`
// is empty.
void read_task_vector(const TensorJob& job, std::size_t model, std::int64_t first,
                      std::span<const double> base, std::span<double> out);
// The same with a base, and adds it to `sum`.
void add_task_vector(const TensorJob& job, std::size_t model, std::int64_t first,
                     std::span<const double> base, std::span<double> out, std::span<double> sum);

// base + sum of coefficients[i] * (models[i] - base); without a base the sum of
// coefficients[i] * models[i]. One coefficient 1 among zeros gives that model bit for bit.
void fill_combination(const TensorJob& job, std::span<const double> coefficients,
                      std::int64_t first, std::span<double> out);

// The mean of the models with weights, which need not add up to 1. Equal values give themselves
// bit for bit, and so does the only model with a weight.
void fill_mean(const TensorJob& job, std::span<const double> weights, std::int64_t first,
               std::span<double> out);

double sum(std::span<const double> values);

// Throw UsageError, naming the method, when the jobs ask for what it has no use for.
void require_equal_weights(std::span<const TensorJob> jobs, std::string_view method);
void require_no_scale(std::span<const TensorJob> jobs, std::string_view method);
// Weights that are finite, not negative, and not all zero.
void require_positive_weights(std::span<const TensorJob> jobs, std::string_view method);

}  // namespace stockpot
