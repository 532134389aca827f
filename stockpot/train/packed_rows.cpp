#include "stockpot/train/packed_rows.h"

#include <algorithm>
#include <functional>
#include <type_traits>

#include "stockpot/kernels/gemm.h"
#include "stockpot/model/blocks.h"

namespace stockpot {
namespace {

// Columns of one pass: so much of the scores fits into the second-level cache.
constexpr std::int64_t kMostColumns = 1024;
// Whole panels of the packed products on any processor.
constexpr std::int64_t kPanel = 48;
static_assert(kMostSamples % kPanel == 0);
// Bytes of a chunk's features.
constexpr std::int64_t kMostBytes = 768 * 1024;

std::int64_t round_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

std::int64_t chunk_size(std::int64_t rows, std::int64_t bytes_each) {
  const std::int64_t fitting = kMostBytes / std::max<std::int64_t>(bytes_each, 1) / kPanel * kPanel;
  return std::clamp(std::min(round_up((rows + 7) / 8, kPanel), fitting), kPanel, kMostSamples);
}

// Classifiers as the rows of one matrix, and their intercepts.
template <typename Number>
struct Columns {
  Columns(std::span<const Coefficients* const> classifiers, std::int64_t classes,
          std::int64_t features)
      : weights(new Number[classifiers.size() * static_cast<std::size_t>(classes * features)]) {
    Number* out = weights.get();
    for (const Coefficients* classifier : classifiers) {
      const double* first = classifier->data();
      out = std::copy(first, first + classes * features, out);
      intercepts.insert(intercepts.end(), first + classes * features,
                        first + classes * (features + 1));
    }
  }
  std::unique_ptr<Number[]> weights;
  std::vector<Number> intercepts;
};

// What normalise_row() can read.
template <typename Number>
at::Tensor readable(const at::Tensor& features) {
  const bool exact = std::is_same_v<Number, double> && features.scalar_type() == at::kDouble;
  return (exact ? features : features.to(at::kFloat)).contiguous();
}

}  // namespace

template <typename Number>
PackedRows<Number>::PackedRows(const at::Tensor& features, const Normalisation& normalisation,
                               const at::Tensor& labels, std::int64_t classes)
    : FeatureRows(features.size(0), features.size(1), classes),
      chunk_(chunk_size(rows_, features_ * static_cast<std::int64_t>(sizeof(Number)))),
      chunks_((rows_ + chunk_ - 1) / chunk_),
      groups_(std::min(chunks_,
                       std::clamp(round_up(chunks_ / 8, 4), std::int64_t{4}, std::int64_t{32}))),
      packed_(new Number[static_cast<std::size_t>(chunks_ * chunk_ * features_)]),
      work_(static_cast<std::size_t>(groups_)) {
  const auto* first = labels.data_ptr<std::int64_t>();
  labels_.assign(first, first + rows_);
  const at::Tensor source = readable<Number>(features);
  for_blocks(chunks_, [&](std::int64_t chunk) { pack_chunk(source, normalisation, chunk); });
}

template <typename Number>
std::int64_t PackedRows<Number>::samples(std::int64_t chunk) const {
  return std::min(chunk_, rows_ - chunk * chunk_);
}

template <typename Number>
void PackedRows<Number>::for_each_panel(std::int64_t chunk,
                                        const std::function<void(const Panel&)>& body) const {
  const std::int64_t n = samples(chunk);
  Number* data = packed_.get() + chunk * chunk_ * features_;
  for (std::int64_t sample = 0; sample < n; sample += packed_panel<Number>())
    for (std::int64_t feature = 0; feature < features_; feature += packed_depth()) {
      const Panel panel{feature, std::min(packed_depth(), features_ - feature), sample,
                        std::min(packed_panel<Number>(), n - sample), data};
      body(panel);
      data += panel.features * packed_columns<Number>(panel.samples);
    }
}

template <typename Number>
void PackedRows<Number>::pack_chunk(const at::Tensor& features, const Normalisation& normalisation,
                                    std::int64_t chunk) {
  const std::int64_t n = samples(chunk), first = chunk * chunk_ * features_;
  const Numbers rows(new Number[static_cast<std::size_t>(n * features_)]);
  const auto normalise = [&](const auto* source) {
    for (std::int64_t i = 0; i < n; ++i)
      normalise_row(features_, source + i * features_, normalisation.mean.data(),
                    normalisation.scale.data(), rows.get() + i * features_);
  };
  if constexpr (std::is_same_v<Number, double>) {
    if (features.scalar_type() == at::kDouble) normalise(features.data_ptr<double>() + first);
  }
  if (features.scalar_type() == at::kFloat) normalise(features.data_ptr<float>() + first);
  for_each_panel(chunk, [&](const Panel& panel) {
    pack(panel.features, panel.samples,
         {rows.get() + panel.first_sample * features_ + panel.first_feature, 1, features_},
         panel.data);
  });
}

template <typename Number>
void PackedRows<Number>::make_room(std::int64_t columns) {
  if (columns <= room_) return;
  room_ = columns;
  const std::int64_t padded = packed_columns<Number>(columns);
  for (Work& work : work_) {
    work.scores.reset(new Number[static_cast<std::size_t>(columns * chunk_)]);
    work.residuals.reset(new Number[static_cast<std::size_t>(padded * packed_panel<Number>())]);
    work.gradient.reset(new Number[static_cast<std::size_t>(padded * features_)]);
  }
}

// When the features come from memory each time, and wait for it.
template <typename Number>
std::size_t PackedRows<Number>::company() const {
  return classes_ <= 32 && rows_ * features_ >= 1 << 23 ? 2 : 1;
}

template <typename Number>
void PackedRows<Number>::pass(std::int64_t columns, const Number* weights, const Number* intercepts,
                              std::int64_t stride, bool gradients, const OnScores& on_scores) {
  make_room(columns);
  const std::int64_t used = (chunks_ + stride - 1) / stride,
                     padded = packed_columns<Number>(columns);
  for_blocks(groups_, [&](std::int64_t group) {
    const Work& work = work_[static_cast<std::size_t>(group)];
    Number* scores = work.scores.get();
    if (gradients) std::fill_n(work.gradient.get(), padded * features_, Number{});
    for (std::int64_t i = group * used / groups_; i < (group + 1) * used / groups_; ++i) {
      const std::int64_t chunk = i * stride, n = samples(chunk);
      for_each_panel(chunk, [&](const Panel& panel) {
        multiply(columns, panel.samples, panel.features,
                 {weights + panel.first_feature, features_, 1}, panel.data,
                 scores + panel.first_sample, chunk_, {.accumulate = panel.first_feature > 0});
      });
      // Only now: products that start from 0 keep more of their digits.
      if (intercepts)
        for (std::int64_t j = 0; j < columns; ++j)
          add_number(n, intercepts[j], scores + j * chunk_);
      on_scores(group, chunk, n, scores);
      if (!gradients) continue;
      for_each_panel(chunk, [&](const Panel& panel) {
        if (panel.first_feature == 0)
          pack(panel.samples, columns, {scores + panel.first_sample, 1, chunk_},
               work.residuals.get());
        multiply(panel.features, padded, panel.samples,
                 {panel.data, packed_columns<Number>(panel.samples), 1}, work.residuals.get(),
                 work.gradient.get() + panel.first_feature * padded, padded, {.accumulate = true});
      });
    }
  });
}

template <typename Number>
void PackedRows<Number>::sum_groups(
    std::int64_t columns,
    const std::function<void(std::int64_t feature, const double* sums)>& use) const {
  const std::int64_t padded = packed_columns<Number>(columns);
  for_ranges(features_, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sums(static_cast<std::size_t>(columns));
    for (std::int64_t feature = begin; feature < end; ++feature) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (const Work& work : work_)
        add_row(columns, work.gradient.get() + feature * padded, sums.data());
      use(feature, sums.data());
    }
  });
}

template <typename Number>
std::vector<LossSums> PackedRows<Number>::evaluate(std::span<const Coefficients* const> classifiers,
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
  const Columns<Number> packed(classifiers, classes_, features_);
  std::vector<LossSums> partial(static_cast<std::size_t>(groups_ * count));
  std::vector<double> residuals(static_cast<std::size_t>(groups_ * columns));
  pass(columns, packed.weights.get(), packed.intercepts.data(), 1, true,
       [&](std::int64_t group, std::int64_t chunk, std::int64_t n, Number* scores) {
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

  sum_groups(columns, [&](std::int64_t feature, const double* sums) {
    for (std::int64_t column = 0; column < columns; ++column)
      (*gradients[static_cast<std::size_t>(column / classes_)])[static_cast<std::size_t>(
          column % classes_ * features_ + feature)] = sums[column];
  });
  for (std::int64_t column = 0; column < columns; ++column) {
    double sum = 0;
    for (std::int64_t group = 0; group < groups_; ++group)
      sum += residuals[static_cast<std::size_t>(group * columns + column)];
    (*gradients[static_cast<std::size_t>(column / classes_)])[static_cast<std::size_t>(
        classes_ * features_ + column % classes_)] = sum;
  }

  std::vector<LossSums> losses(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < partial.size(); ++i) {
    LossSums& sums = losses[i % losses.size()];
    sums.loss += partial[i].loss;
    sums.spread += partial[i].spread;
    sums.correct += partial[i].correct;
  }
  return losses;
}

template <typename Number>
std::vector<std::int64_t> PackedRows<Number>::count_correct(
    std::span<const Coefficients* const> classifiers) {
  const auto most = std::max<std::int64_t>(1, kMostColumns / classes_);
  std::vector<std::int64_t> correct;
  for (std::size_t begin = 0; begin < classifiers.size(); begin += static_cast<std::size_t>(most)) {
    const auto some = classifiers.subspan(
        begin, std::min(static_cast<std::size_t>(most), classifiers.size() - begin));
    const auto count = static_cast<std::int64_t>(some.size());
    const Columns<Number> packed(some, classes_, features_);
    std::vector<std::int64_t> partial(static_cast<std::size_t>(groups_ * count));
    pass(count * classes_, packed.weights.get(), packed.intercepts.data(), 1, false,
         [&](std::int64_t group, std::int64_t chunk, std::int64_t n, Number* scores) {
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
template <typename Number>
std::int64_t PackedRows<Number>::sample_stride() const {
  return std::max<std::int64_t>(1, chunks_ / 32);
}

template <typename Number>
double PackedRows<Number>::sample_scale() const {
  std::int64_t used = 0;
  for (std::int64_t chunk = 0; chunk < chunks_; chunk += sample_stride()) used += samples(chunk);
  return static_cast<double>(rows_) / static_cast<double>(used);
}

template <typename Number>
void PackedRows<Number>::gram(std::int64_t count, const float* vectors, float* products) {
  const std::vector<Number> columns(vectors, vectors + count * features_);
  pass(count, columns.data(), nullptr, sample_stride(), true,
       [](std::int64_t, std::int64_t, std::int64_t, Number*) {});
  const double scale = sample_scale();
  sum_groups(count, [&](std::int64_t feature, const double* sums) {
    for (std::int64_t j = 0; j < count; ++j)
      products[j * features_ + feature] = static_cast<float>(sums[j] * scale);
  });
}

template <typename Number>
double PackedRows<Number>::gram_trace() {
  double sum = 0;
  for (std::int64_t chunk = 0; chunk < chunks_; chunk += sample_stride())
    for_each_panel(chunk, [&](const Panel& panel) {
      // What pads a row of a panel is 0.
      sum += dot(panel.features * packed_columns<Number>(panel.samples), panel.data, panel.data);
    });
  return sum * sample_scale();
}

template class PackedRows<float>;
template class PackedRows<double>;

}  // namespace stockpot
