#include "stockpot/blend/coefficients.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "stockpot/checkpoint/name_block.h"

namespace stockpot {
namespace {

constexpr std::array<std::pair<Rows, std::string_view>, 3> kRows = {
    {{Rows::global, "global"}, {Rows::block, "block"}, {Rows::tensor, "tensor"}}};
constexpr std::array<std::pair<Form, std::string_view>, 2> kForms = {
    {{Form::softmax, "softmax"}, {Form::free, "free"}}};

template <typename Value, std::size_t kCount>
std::string_view name_in(const std::array<std::pair<Value, std::string_view>, kCount>& table,
                         Value value) {
  return std::ranges::find(table, value, &std::pair<Value, std::string_view>::first)->second;
}

template <typename Value, std::size_t kCount>
std::optional<Value> value_in(const std::array<std::pair<Value, std::string_view>, kCount>& table,
                              std::string_view name) {
  for (const auto& [value, known] : table)
    if (known == name) return value;
  return std::nullopt;
}

constexpr double kSpread = 0.01;  // of a softmax's start, over all models

std::vector<double> softmax(std::span<const double> raw) {
  const double largest = *std::ranges::max_element(raw);
  std::vector<double> alpha;
  double sum = 0;
  for (const double x : raw) sum += alpha.emplace_back(std::exp(x - largest));
  for (double& value : alpha) value /= sum;
  return alpha;
}

}  // namespace

std::string_view name_of(Rows rows) { return name_in(kRows, rows); }
std::string_view name_of(Form form) { return name_in(kForms, form); }
std::optional<Rows> rows_from(std::string_view name) { return value_in(kRows, name); }
std::optional<Form> form_from(std::string_view name) { return value_in(kForms, name); }

RowsOfTensors rows_of(std::span<const std::string> tensors, Rows rows) {
  const auto row_name = [&](const std::string& tensor) {
    return rows == Rows::global ? std::string() : rows == Rows::block ? block_of(tensor) : tensor;
  };
  const auto less = [](const std::string& a, const std::string& b) { return natural_less(a, b); };
  std::map<std::string, std::size_t, decltype(less)> places(less);
  for (const std::string& tensor : tensors) places.emplace(row_name(tensor), 0);
  RowsOfTensors result;
  for (auto& [name, place] : places) {
    place = result.names.size();
    result.names.push_back(name);
  }
  for (const std::string& tensor : tensors) result.row.push_back(places.at(row_name(tensor)));
  return result;
}

Coefficients::Coefficients(Form form, std::size_t rows, std::size_t models, bool learn_beta)
    : form_(form), rows_(rows), models_(models), learn_beta_(learn_beta) {
  start_from(std::vector<double>(models, 1 / static_cast<double>(models)), 1);
}

void Coefficients::start_from(std::span<const double> alpha, double beta) {
  assert(alpha.size() == models_);
  parameters_.clear();
  for (std::size_t row = 0; row < rows_; ++row)
    for (const double value : alpha)
      parameters_.push_back(form_ == Form::free ? value
                                                : std::log((1 - kSpread) * std::max(value, 0.0) +
                                                           kSpread / static_cast<double>(models_)));
  fixed_beta_ = beta;
  if (learn_beta_) parameters_.push_back(beta);
}

void Coefficients::set_parameters(std::vector<double> parameters) {
  assert(parameters.size() == parameters_.size());
  parameters_ = std::move(parameters);
}

std::vector<double> Coefficients::alpha() const {
  std::vector<double> all;
  for (std::size_t row = 0; row < rows_; ++row) {
    const auto raw = std::span(parameters_).subspan(row * models_, models_);
    const std::vector<double> alpha =
        form_ == Form::free ? std::vector<double>(raw.begin(), raw.end()) : softmax(raw);
    all.insert(all.end(), alpha.begin(), alpha.end());
  }
  return all;
}

double Coefficients::beta() const { return learn_beta_ ? parameters_.back() : fixed_beta_; }

std::vector<double> Coefficients::pull_back(std::span<const double> alpha_gradient,
                                            double beta_gradient) const {
  assert(alpha_gradient.size() == rows_ * models_);
  std::vector<double> gradient(alpha_gradient.begin(), alpha_gradient.end());
  if (form_ == Form::softmax) {
    const std::vector<double> alpha = this->alpha();
    for (std::size_t row = 0; row < rows_; ++row) {
      double mean = 0;
      for (std::size_t i = row * models_; i < (row + 1) * models_; ++i)
        mean += alpha[i] * gradient[i];
      for (std::size_t i = row * models_; i < (row + 1) * models_; ++i)
        gradient[i] = alpha[i] * (gradient[i] - mean);
    }
  }
  if (learn_beta_) gradient.push_back(beta_gradient);
  return gradient;
}

double effective_models(std::span<const double> alpha) {
  double sum = 0, entropy = 0;
  for (const double value : alpha) sum += std::abs(value);
  if (sum == 0) return 0;
  for (const double value : alpha)
    if (const double share = std::abs(value) / sum; share > 0) entropy -= share * std::log(share);
  return std::exp(entropy);
}

std::vector<double> mean_row(std::span<const double> alpha, std::size_t models,
                             std::span<const std::int64_t> elements) {
  std::vector<double> mean(models);
  double total = 0;
  for (std::size_t row = 0; row < elements.size(); ++row) {
    total += static_cast<double>(elements[row]);
    for (std::size_t m = 0; m < models; ++m)
      mean[m] += static_cast<double>(elements[row]) * alpha[row * models + m];
  }
  for (double& value : mean) value /= total;
  return mean;
}

}  // namespace stockpot
