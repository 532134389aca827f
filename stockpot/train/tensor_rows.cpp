#include "stockpot/train/tensor_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace stockpot {
namespace {

// Elements of a matrix of scores.
constexpr std::int64_t kMostScores = std::int64_t{1} << 27;
constexpr std::int64_t kMostColumns = 4096;

at::Tensor on_device(const std::vector<double>& values, at::Device device) {
  return at::from_blob(const_cast<double*>(values.data()),
                       {static_cast<std::int64_t>(values.size())}, at::kDouble)
      .to(device, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

TensorRows::TensorRows(const at::Tensor& features, const Normalisation& normalisation,
                       const at::Tensor& labels, std::int64_t classes, Precision precision)
    : FeatureRows(features.size(0), features.size(1), classes),
      labels_(labels.to(features.device()).view({-1, 1, 1})) {
  const at::Tensor mean = on_device(normalisation.mean, features.device());
  const at::Tensor scale = on_device(normalisation.scale, features.device());
  inputs_ = at::empty(
      {rows_, features_},
      features.options().dtype(precision == Precision::float32 ? at::kFloat : at::kDouble));
  const std::int64_t step = std::max<std::int64_t>(1, (std::int64_t{1} << 24) / features_);
  for (std::int64_t begin = 0; begin < rows_; begin += step) {
    const std::int64_t end = std::min(rows_, begin + step);
    inputs_.slice(0, begin, end)
        .copy_(features.slice(0, begin, end).to(at::kDouble).sub(mean).mul_(scale));
  }
}

std::size_t TensorRows::most_classifiers() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, kMostColumns / classes_));
}

std::int64_t TensorRows::slice(std::int64_t columns) const {
  return std::clamp<std::int64_t>(kMostScores / columns, 1, rows_);
}

at::Tensor TensorRows::upload(std::span<const Coefficients* const> classifiers) const {
  const auto count = static_cast<std::int64_t>(classifiers.size());
  const at::Tensor host = at::empty({count * length()}, at::kDouble);
  double* out = host.data_ptr<double>();
  for (const Coefficients* one : classifiers) out = std::copy(one->begin(), one->end(), out);
  const at::Tensor all = host.to(inputs_.device()).to(inputs_.scalar_type());
  const at::Tensor each = all.view({count, length()});
  const std::int64_t weights = classes_ * features_;
  return at::cat({each.slice(1, 0, weights).reshape({count * classes_, features_}),
                  each.slice(1, weights).reshape({count * classes_, 1})},
                 1);
}

at::Tensor TensorRows::scores(const at::Tensor& columns, std::int64_t begin,
                              std::int64_t end) const {
  return at::addmm(columns.select(1, features_), inputs_.slice(0, begin, end),
                   columns.slice(1, 0, features_).t())
      .view({end - begin, -1, classes_});
}

std::vector<LossSums> TensorRows::evaluate(std::span<const Coefficients* const> classifiers,
                                           std::span<Coefficients* const> gradients) {
  std::vector<LossSums> losses;
  for (std::size_t first = 0; first < classifiers.size(); first += most_classifiers()) {
    const auto some =
        classifiers.subspan(first, std::min(most_classifiers(), classifiers.size() - first));
    const auto count = static_cast<std::int64_t>(some.size());
    const at::Tensor columns = upload(some);
    const at::Tensor gradient = at::zeros({count * classes_, features_}, inputs_.options());
    const at::Tensor intercepts =
        at::zeros({count, classes_}, inputs_.options().dtype(at::kDouble));
    const at::Tensor sums = at::zeros({3, count}, intercepts.options());
    const std::int64_t step = slice(count * classes_);
    for (std::int64_t begin = 0; begin < rows_; begin += step) {
      const std::int64_t end = std::min(rows_, begin + step);
      const at::Tensor label = labels_.slice(0, begin, end).expand({-1, count, 1});
      at::Tensor z = scores(columns, begin, end);
      const at::Tensor largest = z.amax(2, true);
      const at::Tensor right = z.argmax(2, true).eq(label).sum(0).view({-1});
      const at::Tensor margin = z.gather(2, label).sub_(largest);
      const at::Tensor label_exp = margin.exp();
      // The label's share is left out and added apart, as in probe_kernels.cpp: p near 1 keeps
      // its distance from 1.
      z.sub_(largest).exp_().scatter_(2, label, 0);
      const at::Tensor others = z.sum(2, true);
      const at::Tensor total = others + label_exp;
      const at::Tensor miss = others / total;
      z.div_(total);
      sums[0].add_(
          (at::log1p(others + (label_exp - 1)) - margin).sum(0, false, at::kDouble).view({-1}));
      sums[1].add_((miss * (2 - miss)).sum(0, false, at::kDouble).view({-1}));
      sums[1].sub_(z.square().sum(2).sum(0, false, at::kDouble));
      sums[2].add_(right);
      z.scatter_(2, label, miss.neg());
      intercepts.add_(z.sum(0, false, at::kDouble));
      gradient.addmm_(z.view({end - begin, count * classes_}).t(), inputs_.slice(0, begin, end));
    }
    // One copy to the host for everything.
    const at::Tensor all =
        at::cat(
            {gradient.to(at::kDouble).view({count, classes_ * features_}), intercepts, sums.t()}, 1)
            .to(at::kCPU)
            .contiguous();
    const double* row = all.data_ptr<double>();
    for (std::int64_t i = 0; i < count; ++i, row += all.size(1)) {
      gradients[first + static_cast<std::size_t>(i)]->assign(row, row + length());
      losses.push_back(
          {row[length()], row[length() + 1], static_cast<std::int64_t>(row[length() + 2])});
    }
  }
  return losses;
}

std::vector<std::int64_t> TensorRows::count_correct(
    std::span<const Coefficients* const> classifiers) {
  std::vector<std::int64_t> correct;
  for (std::size_t first = 0; first < classifiers.size(); first += most_classifiers()) {
    const auto some =
        classifiers.subspan(first, std::min(most_classifiers(), classifiers.size() - first));
    const auto count = static_cast<std::int64_t>(some.size());
    const at::Tensor columns = upload(some);
    at::Tensor sums = at::zeros({count}, labels_.options());
    const std::int64_t step = slice(count * classes_);
    for (std::int64_t begin = 0; begin < rows_; begin += step) {
      const std::int64_t end = std::min(rows_, begin + step);
      sums.add_(scores(columns, begin, end)
                    .argmax(2)
                    .eq(labels_.slice(0, begin, end).view({-1, 1}))
                    .sum(0));
    }
    sums = sums.to(at::kCPU);
    correct.insert(correct.end(), sums.data_ptr<std::int64_t>(),
                   sums.data_ptr<std::int64_t>() + count);
  }
  return correct;
}

void TensorRows::gram(std::int64_t count, const float* vectors, float* products) {
  // Every stride-th row.
  const std::int64_t stride = std::max<std::int64_t>(1, rows_ / 8192);
  const at::Tensor rows = inputs_.slice(0, 0, rows_, stride);
  const at::Tensor v = at::from_blob(const_cast<float*>(vectors), {count, features_}, at::kFloat)
                           .to(inputs_.device())
                           .to(inputs_.scalar_type());
  const at::Tensor result =
      at::matmul(at::matmul(v, rows.t()), rows)
          .mul_(static_cast<double>(rows_) / static_cast<double>(rows.size(0)))
          .to(at::kCPU, at::kFloat)
          .contiguous();
  std::copy_n(result.data_ptr<float>(), count * features_, products);
}

double TensorRows::gram_trace() {
  const std::int64_t stride = std::max<std::int64_t>(1, rows_ / 8192);
  const at::Tensor rows = inputs_.slice(0, 0, rows_, stride);
  return rows.square().sum(at::kDouble).item<double>() * static_cast<double>(rows_) /
         static_cast<double>(rows.size(0));
}

}  // namespace stockpot
