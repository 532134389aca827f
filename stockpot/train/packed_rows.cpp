#include "stockpot/train/packed_rows.h"

#include <algorithm>
#include <functional>

#include "stockpot/kernels/gemm.h"
#include "stockpot/model/blocks.h"

namespace stockpot {
namespace {

// Columns of one pass: so much of the scores fits into the second-level cache.
constexpr std::int64_t kMostColumns = 1024;
// Whole panels of the packed products on any processor.
constexpr std::int64_t kPanel = 48;
static_assert(kMostSamples % kPanel == 0);

std::int64_t chunk_size(std::int64_t rows) {
  const std::int64_t eighth = (rows + 7) / 8;
  return std::clamp((eighth + kPanel - 1) / kPanel * kPanel, kPanel, kMostSamples);
}

// Classifiers as the rows of one matrix, and their intercepts.
struct Columns {
  Columns(std::span<const Coefficients* const> classifiers, std::int64_t classes,
          std::int64_t features)
      : weights(new float[classifiers.size() * static_cast<std::size_t>(classes * features)]) {
    float* out = weights.get();
    for (const Coefficients* classifier : classifiers) {
      const double* first = classifier->data();
      out = std::copy(first, first + classes * features, out);
      intercepts.insert(intercepts.end(), first + classes * features,
                        first + classes * (features + 1));
    }
  }
  std::unique_ptr<float[]> weights;
  std::vector<float> intercepts;
};

}  // namespace

PackedRows::PackedRows(const at::Tensor& features, const Normalisation& normalisation,
                       const at::Tensor& labels, std::int64_t classes)
    : FeatureRows(features.size(0), features.size(1), classes),
      chunk_(chunk_size(rows_)),
      chunks_((rows_ + chunk_ - 1) / chunk_),
      groups_(std::min(chunks_,
                       std::clamp((chunks_ / 8 + 7) / 8 * 8, std::int64_t{8}, std::int64_t{32}))),
      by_sample_(new float[static_cast<std::size_t>(chunks_ * features_ * packed_columns(chunk_))]),
      by_feature_(
          new float[static_cast<std::size_t>(chunks_ * chunk_ * packed_columns(features_))]),
      scores_(static_cast<std::size_t>(groups_)),
      partial_gradients_(static_cast<std::size_t>(groups_)) {
  const auto* first = labels.data_ptr<std::int64_t>();
  labels_.assign(first, first + rows_);
  for_blocks(chunks_, [&](std::int64_t chunk) { pack_chunk(features, normalisation, chunk); });
}

std::int64_t PackedRows::samples(std::int64_t chunk) const {
  return std::min(chunk_, rows_ - chunk * chunk_);
}

void PackedRows::pack_chunk(const at::Tensor& features, const Normalisation& normalisation,
                            std::int64_t chunk) {
  const std::int64_t n = samples(chunk);
  const Floats rows(new float[static_cast<std::size_t>(n * features_)]);
  const float* source = features.data_ptr<float>() + chunk * chunk_ * features_;
  for (std::int64_t i = 0; i < n; ++i)
    normalise_row(features_, source + i * features_, normalisation.mean.data(),
                  normalisation.scale.data(), rows.get() + i * features_);
  pack(features_, n, {rows.get(), 1, features_},
       by_sample_.get() + chunk * features_ * packed_columns(chunk_));
  pack(n, features_, {rows.get(), features_, 1},
       by_feature_.get() + chunk * chunk_ * packed_columns(features_));
}

void PackedRows::pass(std::int64_t columns, const float* weights, const float* intercepts,
                      std::int64_t stride, bool gradients, const OnScores& on_scores) {
  if (columns > room_) {
    room_ = columns;
    for (Floats& part : scores_) part.reset(new float[static_cast<std::size_t>(columns * chunk_)]);
    for (Floats& part : partial_gradients_)
      part.reset(new float[static_cast<std::size_t>(columns * features_)]);
  }
  const std::int64_t used = (chunks_ + stride - 1) / stride;
  for_blocks(groups_, [&](std::int64_t group) {
    float* scores = scores_[static_cast<std::size_t>(group)].get();
    float* gradient = partial_gradients_[static_cast<std::size_t>(group)].get();
    if (gradients) std::fill_n(gradient, columns * features_, 0.0f);
    for (std::int64_t i = group * used / groups_; i < (group + 1) * used / groups_; ++i) {
      const std::int64_t chunk = i * stride, n = samples(chunk);
      multiply(columns, n, features_, {weights, features_, 1},
               by_sample_.get() + chunk * features_ * packed_columns(chunk_), scores, chunk_);
      // Only now: products that start from 0 keep more of their digits.
      if (intercepts)
        for (std::int64_t j = 0; j < columns; ++j)
          add_number(n, intercepts[j], scores + j * chunk_);
      on_scores(group, chunk, n, scores);
      if (gradients)
        multiply(columns, features_, n, {scores, chunk_, 1},
                 by_feature_.get() + chunk * chunk_ * packed_columns(features_), gradient,
                 features_, {.accumulate = true});
    }
  });
}

std::vector<LossSums> PackedRows::evaluate(std::span<const Coefficients* const> classifiers,
                                           std::span<Coefficients* const> gradients) {
  const std::size_t most =
      static_cast<std::size_t>(std::max<std::int64_t>(1, kMostColumns / classes_));
  if (classifiers.size() > most) {
    std::vector<LossSums> all;
    for (std::size_t begin = 0; begin < classifiers.size(); begin += most) {
      const std::size_t count = std::min(most, classifiers.size() - begin);
      const auto some =
          evaluate(classifiers.subspan(begin, count), gradients.subspan(begin, count));
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  const auto count = static_cast<std::int64_t>(classifiers.size()), columns = count * classes_;
  const Columns packed(classifiers, classes_, features_);
  std::vector<LossSums> partial(static_cast<std::size_t>(groups_ * count));
  std::vector<double> residuals(static_cast<std::size_t>(groups_ * columns));
  pass(columns, packed.weights.get(), packed.intercepts.data(), 1, true,
       [&](std::int64_t group, std::int64_t chunk, std::int64_t n, float* scores) {
         const std::int32_t* labels = labels_.data() + chunk * chunk_;
         for (std::int64_t i = 0; i < count; ++i) {
           LossSums& sums = partial[static_cast<std::size_t>(group * count + i)];
           const LossSums more =
               softmax_residuals(classes_, n, labels, scores + i * classes_ * chunk_, chunk_,
                                 residuals.data() + group * columns + i * classes_);
           sums.loss += more.loss;
           sums.spread += more.spread;
           sums.correct += more.correct;
         }
       });

  // The groups one after the other, in parallel over the columns.
  for_ranges(columns, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t column = begin; column < end; ++column) {
      double* gradient = gradients[static_cast<std::size_t>(column / classes_)]->data();
      const std::int64_t j = column % classes_;
      double* row = gradient + j * features_;
      std::fill_n(row, features_, 0.0);
      double intercept = 0;
      for (std::int64_t group = 0; group < groups_; ++group) {
        add_row(features_,
                partial_gradients_[static_cast<std::size_t>(group)].get() + column * features_,
                row);
        intercept += residuals[static_cast<std::size_t>(group * columns + column)];
      }
      gradient[classes_ * features_ + j] = intercept;
    }
  });

  std::vector<LossSums> losses(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < partial.size(); ++i) {
    LossSums& sums = losses[i % losses.size()];
    sums.loss += partial[i].loss;
    sums.spread += partial[i].spread;
    sums.correct += partial[i].correct;
  }
  return losses;
}

std::vector<std::int64_t> PackedRows::count_correct(
    std::span<const Coefficients* const> classifiers) {
  const auto most = std::max<std::int64_t>(1, kMostColumns / classes_);
  std::vector<std::int64_t> correct;
  for (std::size_t begin = 0; begin < classifiers.size(); begin += static_cast<std::size_t>(most)) {
    const auto some = classifiers.subspan(
        begin, std::min(static_cast<std::size_t>(most), classifiers.size() - begin));
    const auto count = static_cast<std::int64_t>(some.size());
    const Columns packed(some, classes_, features_);
    std::vector<std::int64_t> partial(static_cast<std::size_t>(groups_ * count));
    pass(count * classes_, packed.weights.get(), packed.intercepts.data(), 1, false,
         [&](std::int64_t group, std::int64_t chunk, std::int64_t n, float* scores) {
           for (std::int64_t i = 0; i < count; ++i)
             partial[static_cast<std::size_t>(group * count + i)] +=
                 stockpot::count_correct(classes_, n, labels_.data() + chunk * chunk_,
                                         scores + i * classes_ * chunk_, chunk_);
         });
    for (std::int64_t i = 0; i < count; ++i) {
      correct.push_back(0);
      for (std::int64_t group = 0; group < groups_; ++group)
        correct.back() += partial[static_cast<std::size_t>(group * count + i)];
    }
  }
  return correct;
}

// 32 chunks tell enough about A' A.
std::int64_t PackedRows::sample_stride() const { return std::max<std::int64_t>(1, chunks_ / 32); }

void PackedRows::gram(std::int64_t count, const float* vectors, float* products) {
  const std::int64_t stride = sample_stride();
  pass(count, vectors, nullptr, stride, true,
       [](std::int64_t, std::int64_t, std::int64_t, float*) {});
  std::int64_t used = 0;
  for (std::int64_t chunk = 0; chunk < chunks_; chunk += stride) used += samples(chunk);
  const double scale = static_cast<double>(rows_) / static_cast<double>(used);
  std::vector<double> row(static_cast<std::size_t>(features_));
  for (std::int64_t j = 0; j < count; ++j) {
    std::fill(row.begin(), row.end(), 0.0);
    for (const Floats& part : partial_gradients_)
      add_row(features_, part.get() + j * features_, row.data());
    for (std::int64_t i = 0; i < features_; ++i)
      products[j * features_ + i] = static_cast<float>(row[static_cast<std::size_t>(i)] * scale);
  }
}

double PackedRows::gram_trace() {
  const std::int64_t stride = sample_stride();
  double sum = 0;
  std::int64_t used = 0;
  for (std::int64_t chunk = 0; chunk < chunks_; chunk += stride) {
    const std::int64_t n = samples(chunk), size = n * packed_columns(features_);
    const float* packed = by_feature_.get() + chunk * chunk_ * packed_columns(features_);
    sum += dot(size, packed, packed);  // what pads it is 0
    used += n;
  }
  return sum * static_cast<double>(rows_) / static_cast<double>(used);
}

}  // namespace stockpot
