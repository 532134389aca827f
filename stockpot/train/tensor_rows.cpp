#include "stockpot/train/tensor_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace stockpot {
namespace {

// Elements of a matrix of scores.
constexpr std::int64_t kMostScores = std::int64_t{1} << 27;
constexpr std::int64_t kMostColumns = 4096;
// Products of a score and of a gradient, each: as long as the launches of their 25 kernels.
constexpr std::int64_t kShortPass = std::int64_t{1} << 29;

at::Tensor on_device(const std::vector<double>& values, at::Device device) {
  return at::from_blob(const_cast<double*>(values.data()),
                       {static_cast<std::int64_t>(values.size())}, at::kDouble)
      .to(device, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

TensorRows::TensorRows(const at::Tensor& features, const Normalisation& normalisation,
                       const at::Tensor& labels, std::int64_t classes, Precision precision)
    : FeatureRows(features.size(0), features.size(1), classes),
      labels_(labels.to(features.device()).view({1, 1, -1})) {
  const at::Tensor mean = on_device(normalisation.mean, features.device());
  const at::Tensor scale = on_device(normalisation.scale, features.device());
  const std::int64_t width = (features_ + 8) / 8 * 8;
  inputs_ = at::zeros(
      {rows_, width},
      features.options().dtype(precision == Precision::float32 ? at::kFloat : at::kDouble));
  inputs_.select(1, features_).fill_(1);
  const std::int64_t step = std::max<std::int64_t>(1, (std::int64_t{1} << 24) / features_);
  for (std::int64_t begin = 0; begin < rows_; begin += step) {
    const std::int64_t end = std::min(rows_, begin + step);
    inputs_.slice(0, begin, end)
        .slice(1, 0, features_)
        .copy_(features.slice(0, begin, end).to(at::kDouble).sub(mean).mul_(scale));
  }
}

bool TensorRows::is_short() const { return inputs_.is_cuda() && rows_ * length() <= kShortPass; }

std::size_t TensorRows::company() const { return is_short() ? 6 : inputs_.is_cuda() ? 2 : 1; }

std::size_t TensorRows::most_classifiers() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, kMostColumns / classes_));
}

std::int64_t TensorRows::slice(std::int64_t columns) const {
  return std::clamp<std::int64_t>(kMostScores / columns, 1, rows_);
}

void TensorRows::write_weights(std::span<const Coefficients* const> classifiers,
                               at::Tensor host) const {
  const std::int64_t width = inputs_.size(1);
  const auto fill = [&](auto* out) {
    for (const Coefficients* one : classifiers)
      for (std::int64_t j = 0; j < classes_; ++j, out += width) {
        const double* weights = one->data() + j * features_;
        std::copy(weights, weights + features_, out);
        out[features_] = static_cast<std::remove_reference_t<decltype(*out)>>(
            (*one)[static_cast<std::size_t>(classes_ * features_ + j)]);
      }
  };
  if (host.scalar_type() == at::kFloat)
    fill(host.data_ptr<float>());
  else
    fill(host.data_ptr<double>());
}

at::Tensor TensorRows::upload(std::span<const Coefficients* const> classifiers) const {
  const auto count = static_cast<std::int64_t>(classifiers.size());
  const at::Tensor host = at::zeros({count * classes_, inputs_.size(1)}, inputs_.scalar_type());
  write_weights(classifiers, host);
  return host.to(inputs_.device());
}

at::Tensor TensorRows::scores(const at::Tensor& columns, std::int64_t begin,
                              std::int64_t end) const {
  return at::matmul(columns, inputs_.slice(0, begin, end).t()).view({-1, classes_, end - begin});
}

void TensorRows::add_rows(const at::Tensor& scores, std::int64_t begin, std::int64_t end,
                          at::Tensor& gradient, at::Tensor& sums) const {
  const std::int64_t count = scores.size(0), rows = end - begin;
  const at::Tensor label = labels_.slice(2, begin, end).expand({count, 1, -1});
  at::Tensor p = at::log_softmax(scores, 1);
  const at::Tensor log_label = p.gather(1, label);
  // The label's share is left out and added apart, as in probe_kernels.cpp: so p near 1 keeps
  // its distance from 1.
  p.exp_().scatter_(1, label, 0);
  const at::Tensor miss = p.sum(1, true);
  p.scatter_(1, label, miss.neg());  // the residuals
  // Of every sample: loss, and spread.
  const at::Tensor each = at::empty({2, count, rows}, p.options());
  each[0].copy_(at::where(miss < 0.5, miss.neg().log1p_(), log_label).neg_().squeeze(1));
  each[1].copy_(miss.squeeze(1)).mul_(2).sub_(at::linalg_vector_norm(p, 2, 1).square_());
  sums.add_(each.sum(2, false, at::kDouble));
  gradient.addmm_(p.view({-1, rows}), inputs_.slice(0, begin, end));
}

at::Tensor TensorRows::pass(const at::Tensor& columns) const {
  const std::int64_t count = columns.size(0) / classes_;
  at::Tensor gradient = at::zeros_like(columns);
  at::Tensor sums = at::zeros({2, count}, inputs_.options().dtype(at::kDouble));
  const std::int64_t step = slice(columns.size(0));
  for (std::int64_t begin = 0; begin < rows_; begin += step) {
    const std::int64_t end = std::min(rows_, begin + step);
    add_rows(scores(columns, begin, end), begin, end, gradient, sums);
  }
  return at::cat({gradient.view({count, -1}), sums.t().contiguous().view(inputs_.scalar_type())},
                 1);
}

at::Tensor TensorRows::pass_over(std::span<const Coefficients* const> classifiers) {
  if (!is_short() || !DeviceGraph::possible(inputs_.device()) || classifiers.size() > company())
    return pass(upload(classifiers)).to(at::kCPU).contiguous();
  Recording& all = recording_;
  // The first pass makes what the libraries want once, which a recording must not.
  if (all.passes++ == 1) {
    const auto most = static_cast<std::int64_t>(company()) * classes_;
    all.columns = at::zeros({most, inputs_.size(1)}, inputs_.options());
    auto graph = std::make_unique<DeviceGraph>(DeviceGraph::new_memory());
    if (graph->record([&] { all.result = pass(all.columns); })) {
      all.graph = std::move(graph);
      const auto pinned = at::device(at::kCPU).pinned_memory(true).dtype(inputs_.scalar_type());
      all.host_columns = at::zeros(all.columns.sizes(), pinned);
      all.host_result = at::empty(all.result.sizes(), pinned);
    }
  }
  if (!all.graph) return pass(upload(classifiers)).to(at::kCPU).contiguous();
  write_weights(classifiers, all.host_columns);
  all.columns.copy_(all.host_columns, /*non_blocking=*/true);
  all.graph->start();
  return all.host_result.copy_(all.result);  // waits for all of it
}

namespace {

// The two sums behind a row's gradient.
LossSums sums_at(const void* place) {
  double sums[2];
  std::memcpy(sums, place, sizeof sums);
  return {sums[0], sums[1], -1};
}

}  // namespace

std::vector<LossSums> TensorRows::evaluate(std::span<const Coefficients* const> classifiers,
                                           std::span<Coefficients* const> gradients) {
  std::vector<LossSums> losses;
  for (std::size_t first = 0; first < classifiers.size(); first += most_classifiers()) {
    const auto some =
        classifiers.subspan(first, std::min(most_classifiers(), classifiers.size() - first));
    const at::Tensor all = pass_over(some);
    const std::int64_t width = inputs_.size(1);
    const auto read = [&](const auto* row) {
      for (std::size_t i = 0; i < some.size(); ++i, row += all.size(1)) {
        double* out = gradients[first + i]->data();
        for (std::int64_t j = 0; j < classes_; ++j) {
          std::copy_n(row + j * width, features_, out + j * features_);
          out[classes_ * features_ + j] = row[j * width + features_];
        }
        losses.push_back(sums_at(row + classes_ * width));
      }
    };
    if (all.scalar_type() == at::kFloat)
      read(all.data_ptr<float>());
    else
      read(all.data_ptr<double>());
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
                    .argmax(1)
                    .eq(labels_.slice(2, begin, end).view({1, -1}))
                    .sum(1));
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
  const at::Tensor rows = inputs_.slice(0, 0, rows_, stride).slice(1, 0, features_);
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
  const at::Tensor rows = inputs_.slice(0, 0, rows_, stride).slice(1, 0, features_);
  return rows.square().sum(at::kDouble).item<double>() * static_cast<double>(rows_) /
         static_cast<double>(rows.size(0));
}

}  // namespace stockpot
