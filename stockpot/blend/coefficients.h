// The coefficients of a learned soup (Wortsman et al. 2022, appendix on learned soups): one row of
// numbers for the whole model, for each block or for each tensor, and the inverse temperature that
// the soup's logits are multiplied by.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

// What has a row of its own.
enum class Rows { global, block, tensor };
// softmax: alpha = softmax(raw), positive and summing to 1. free: alpha = raw, any numbers.
enum class Form { softmax, free };

std::string_view name_of(Rows rows);
std::string_view name_of(Form form);
std::optional<Rows> rows_from(std::string_view name);
std::optional<Form> form_from(std::string_view name);

// The row of each tensor, and the names of the rows: "" for the whole model, a block
// (checkpoint/name_block.h, in natural order) or a tensor.
struct RowsOfTensors {
  std::vector<std::size_t> row;
  std::vector<std::string> names;
};
RowsOfTensors rows_of(std::span<const std::string> tensors, Rows rows);

class Coefficients {
 public:
  // All rows uniform, beta 1. With `learn_beta`, beta is a parameter too.
  Coefficients(Form form, std::size_t rows, std::size_t models, bool learn_beta);

  // The same start for every row: alpha adds up to about 1. A softmax cannot leave zero, so a
  // hundredth of the weight is spread over all models there.
  void start_from(std::span<const double> alpha, double beta);

  Form form() const { return form_; }
  std::size_t rows() const { return rows_; }
  std::size_t models() const { return models_; }
  bool learns_beta() const { return learn_beta_; }

  // What an optimizer changes: raw numbers, rows x models, then beta when it is learned.
  const std::vector<double>& parameters() const { return parameters_; }
  void set_parameters(std::vector<double> parameters);

  std::vector<double> alpha() const;  // rows x models
  double beta() const;

  // The gradient of the parameters from that of alpha (rows x models) and beta. Through the
  // softmax draw_i = alpha_i (dalpha_i - sum_m alpha_m dalpha_m).
  std::vector<double> pull_back(std::span<const double> alpha_gradient, double beta_gradient) const;

 private:
  Form form_;
  std::size_t rows_, models_;
  bool learn_beta_;
  double fixed_beta_ = 1;
  std::vector<double> parameters_;
};

// exp of the entropy of |alpha| / sum |alpha|: k for equal weights, 1 for a single model.
double effective_models(std::span<const double> alpha);
// The mean of the rows, each weighted by the elements it rules over.
std::vector<double> mean_row(std::span<const double> alpha, std::size_t models,
                             std::span<const std::int64_t> elements);

}  // namespace stockpot
