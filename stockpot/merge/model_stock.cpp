#include "stockpot/merge/model_stock.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/task_vector_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

struct Angles {
  double cosine = 0;
  int pairs = 0, left_out = 0;
  bool moved = false;  // some model differs from theta_0
};

Angles angles_of(const Gram& gram, bool average_angles) {
  Angles angles;
  double total = 0;
  for (std::size_t i = 0; i < gram.models(); ++i) {
    angles.moved = angles.moved || gram.product(i, i) != 0;
    for (std::size_t j = 0; j < i; ++j) {
      if (gram.product(i, i) == 0 || gram.product(j, j) == 0) {
        ++angles.left_out;
        continue;
      }
      const double cosine = gram.cosine(i, j);
      total += average_angles ? std::acos(cosine) : cosine;
      ++angles.pairs;
    }
  }
  if (angles.pairs > 0) angles.cosine = total / angles.pairs;
  if (angles.pairs > 0 && average_angles) angles.cosine = std::cos(angles.cosine);
  return angles;
}

double ratio_of(const Angles& angles, std::size_t models, bool clamp) {
  return angles.moved ? stock_ratio(angles.cosine, models, clamp) : 1;
}

}  // namespace

double stock_ratio(double cosine, std::size_t models, bool clamp) {
  // Below -1/(N-1) the formula is positive again: a ratio that means nothing.
  if (clamp && cosine <= 0) return 0;
  const auto count = static_cast<double>(models);
  const double divisor = 1 + (count - 1) * cosine;
  return divisor == 0 ? 0 : count * cosine / divisor;
}

void ModelStock::survey(std::span<const TensorJob> jobs, Progress&) {
  require_equal_weights(jobs, "Model Stock");
  for (const TensorJob& job : jobs)
    if (job.models.size() < 2)
      throw UsageError("Model Stock compares models: it needs two at least, tensor '" +
                       printable(job.name) + "' has one");
}

Gram ModelStock::summed_gram(const TensorJob& job, TensorPass& pass) {
  const auto elements = static_cast<std::size_t>(job.elements());
  const std::size_t held = std::max(elements, total_.size());
  if (!pass.may_keep(held * sizeof(double))) {
    total_ = {};
    return gram(job, pass);
  }
  total_.resize(held);
  summed_ = job.name;
  return gram(job, pass, std::span(total_).first(elements));
}

std::vector<double> ModelStock::find(const TensorJob& job, TensorPass& pass, Json& finding) {
  const std::size_t models = job.models.size();
  if (!options_.by_filter) {
    const Angles angles = angles_of(summed_gram(job, pass), options_.average_angles);
    const double ratio = ratio_of(angles, models, options_.clamp);
    finding.set("cosine", angles.pairs > 0 ? Json(angles.cosine) : Json());
    finding.set("t", ratio);
    if (angles.left_out > 0) finding.set("pairs_left_out", angles.left_out);
    return {ratio};
  }
  std::vector<double> ratios(static_cast<std::size_t>(row_count(job)));
  std::vector<int> left_out(ratios.size());
  gram_by_rows(job, [&](std::int64_t row, const Gram& products) {
    const Angles angles = angles_of(products, options_.average_angles);
    ratios[static_cast<std::size_t>(row)] = ratio_of(angles, models, options_.clamp);
    left_out[static_cast<std::size_t>(row)] = angles.left_out;
  });
  finding.set("rows", static_cast<std::int64_t>(ratios.size()));
  if (!ratios.empty()) {
    finding.set("t_min", std::ranges::min(ratios));
    finding.set("t_mean", sum(ratios) / static_cast<double>(ratios.size()));
    finding.set("t_max", std::ranges::max(ratios));
  }
  std::int64_t total = 0;
  for (const int count : left_out) total += count;
  if (total > 0) finding.set("pairs_left_out", total);
  return ratios;
}

void ModelStock::study(const TensorJob& job, TensorPass& pass) {
  summed_.reset();
  if (ratios_.contains(job.name)) return;
  Json finding = Json::object({{"name", job.name}});
  ratios_[job.name] = find(job, pass, finding);
  findings_.push_back(std::move(finding));
}

void ModelStock::read_total(const TensorJob& job, std::int64_t first, std::span<const double> base,
                            std::span<double> out) const {
  if (summed_ == job.name) {
    std::ranges::copy(std::span(total_).subspan(static_cast<std::size_t>(first), out.size()),
                      out.begin());
    return;
  }
  TileBuffer buffer;
  std::ranges::fill(out, 0.0);
  for (std::size_t i = 0; i < job.models.size(); ++i)
    add_task_vector(job, i, first, base, std::span(buffer.data(), out.size()), out);
}

void ModelStock::fill(const TensorJob& job, std::int64_t first, std::span<double> out) const {
  TileBuffer base_buffer;
  const std::span base(base_buffer.data(), out.size());
  read_base(job, first, base);
  read_total(job, first, base, out);
  const std::vector<double>& ratios = ratios_.at(job.name);
  const std::int64_t width =
      ratios.empty()
          ? 1
          : std::max<std::int64_t>(1, job.elements() / static_cast<std::int64_t>(ratios.size()));
  const auto count = static_cast<std::int64_t>(out.size());
  for (std::int64_t begin = 0; begin < count;) {
    const std::int64_t row = (first + begin) / width;
    const std::int64_t end = std::min(count, (row + 1) * width - first);
    const auto from = static_cast<std::size_t>(begin), size = static_cast<std::size_t>(end - begin);
    const double factor =
        job.scale * ratios[static_cast<std::size_t>(row)] / static_cast<double>(job.models.size());
    merge_kernels::step_from(base.subspan(from, size), factor, out.subspan(from, size));
    begin = end;
  }
}

Json ModelStock::options() const {
  return Json::object({{"by_filter", options_.by_filter},
                       {"clamp", options_.clamp},
                       {"average", options_.average_angles ? "angles" : "cosines"}});
}

Json ModelStock::findings() const { return Json::object({{"tensors", Json(findings_)}}); }

}  // namespace stockpot
