#include "stockpot/soup/example_scorer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "stockpot/soup/soup_key.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kNotFinite = "the metric is not a finite number";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

// One walk over the rows.
struct ExampleScorer::Pass {
  Pass(MetricKind metric, const Predictions& truth)
      : all(metric, truth),
        sure(metric, truth),
        logits(static_cast<std::size_t>(truth.rows() * truth.classes)),
        right(truth.rows()) {}

  std::vector<std::int64_t> order;
  Tally all, sure;            // every row; those that noise cannot turn
  std::vector<float> logits;  // of the rows seen, at their places
  RightRows right;
  std::int64_t seen = 0, uncertain = 0;
  double least_loss = 0;  // sum of what the losses are at least
  bool rejected = false;

  // A bound of the metric for every order of the rows and all batches.
  double best_possible(const ExampleOptions& options, std::int64_t rows) const {
    if (options.metric != MetricKind::nll || options.noise == 0) return sure.best_possible();
    // Room for the rounding of sums in other orders.
    return least_loss * (1 - 1e-9) / static_cast<double>(rows);
  }
};

ExampleScorer::ExampleScorer(const Predictions& truth, ExampleModel model, ExampleOptions options)
    : truth_(truth),
      model_(std::move(model)),
      options_(std::move(options)),
      shelf_(options_.shelf, static_cast<std::int64_t>(options_.keys.size())) {
  Tally(options_.metric, truth_);
}

bool ExampleScorer::can_stop() const { return has_bound(options_.metric); }

std::vector<std::int64_t> ExampleScorer::order_for(const SoupRequest& request) const {
  const auto shelved = [&](const std::vector<std::size_t>& members) {
    if (members.size() == 1 && model_.known)
      if (auto logits = model_.known(members.front())) return logits;
    return shelf_.get(soup_key(options_.keys, members), truth_);
  };
  std::optional<ShelvedLogits> soup, change;
  if (!request.soup.empty()) soup = shelved(request.soup);
  const std::optional<std::size_t> model = request.added ? request.added : request.removed;
  if (model) change = shelved({*model});
  std::vector<WeightedLogits> parts;
  if (soup) parts.push_back({static_cast<double>(request.soup.size()), &*soup});
  if (change && (request.added || soup)) parts.push_back({request.added ? 1.0 : -1.0, &*change});
  return order_by_margin(truth_, parts);
}

// No more rows than could prove a rejection: what comes after them would be for nothing.
std::int64_t ExampleScorer::next_batch(const Pass& pass, const StopRule* stop) const {
  const std::int64_t left = truth_.rows() - pass.seen;
  std::int64_t batch = options_.batch;
  if (stop != nullptr && options_.metric == MetricKind::accuracy) {
    const auto total = static_cast<double>(truth_.rows());
    const auto before = std::llround(stop->before * total);
    const std::int64_t possible = std::llround(pass.sure.best_possible() * total);
    const std::int64_t needed = possible - before + (stop->rule.accept == Accept::ties ? 1 : 0);
    batch = std::min(batch, std::max(needed, options_.smallest_batch));
  }
  return std::min(batch, left);
}

void ExampleScorer::run(Pass& pass, const StopRule* stop) {
  const auto classes = static_cast<std::size_t>(truth_.classes);
  std::vector<float> logits;
  while (pass.seen < truth_.rows()) {
    const auto rows = std::span(pass.order)
                          .subspan(static_cast<std::size_t>(pass.seen),
                                   static_cast<std::size_t>(next_batch(pass, stop)));
    logits.resize(rows.size() * classes);
    model_.forward(rows, logits);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto row = std::span<const float>(logits).subspan(i * classes, classes);
      const std::int64_t label = truth_.labels[static_cast<std::size_t>(rows[i])];
      std::ranges::copy(row, pass.logits.begin() + rows[i] * truth_.classes);
      pass.all.add(rows[i], row);
      if (said_class(row) == label) pass.right.set(rows[i]);
      float largest = 0;
      for (const float x : row) largest = std::max(largest, std::abs(x));
      const double slack = 2 * options_.noise * largest;  // of differences of two logits
      if (options_.noise > 0 && !(std::abs(margin_of(row, label)) > slack))
        ++pass.uncertain;
      else
        pass.sure.add(rows[i], row);
      if (options_.metric == MetricKind::nll)
        pass.least_loss += std::max(0.0, row_loss(row, label) - slack);
    }
    pass.seen += static_cast<std::int64_t>(rows.size());
    if (stop != nullptr && stop->rejects(pass.best_possible(options_, truth_.rows()))) {
      pass.rejected = true;
      return;
    }
  }
}

std::optional<Evaluation> ExampleScorer::known_alone(const SoupRequest& request) const {
  if (!model_.known || !request.soup.empty() || !request.added) return std::nullopt;
  auto logits = model_.known(*request.added);
  if (!logits || logits->columns != truth_.classes) return std::nullopt;
  Predictions predictions = truth_;
  predictions.logits = std::move(logits->values);
  Evaluation evaluation = evaluation_of(options_.metric, predictions);
  if (!std::isfinite(evaluation.value)) evaluation.failure = kNotFinite;
  return evaluation;
}

Evaluation ExampleScorer::operator()(const SoupRequest& request) {
  const Clock::time_point start = Clock::now();
  if (auto known = known_alone(request)) {
    known->seconds = seconds_since(start);
    return std::move(*known);
  }
  const StopRule* stop = can_stop() ? request.stop : nullptr;
  const SoupMixer::Mix mix = model_.load(request);
  auto pass = std::make_unique<Pass>(options_.metric, truth_);
  if (stop != nullptr) {
    pass->order = order_for(request);
  } else {
    pass->order.resize(static_cast<std::size_t>(truth_.rows()));
    std::iota(pass->order.begin(), pass->order.end(), std::int64_t{0});
  }
  run(*pass, stop);
  Evaluation evaluation;
  evaluation.examples = pass->seen;
  const bool stopped = pass->rejected && pass->seen < truth_.rows();
  // Without uncertain rows every order gives the same answers, if not the same losses.
  const bool certain = pass->uncertain == 0 && options_.metric != MetricKind::nll;
  if (!stopped && options_.noise > 0 && !certain && !std::ranges::is_sorted(pass->order)) {
    auto again = std::make_unique<Pass>(options_.metric, truth_);
    again->order = pass->order;
    std::ranges::sort(again->order);
    pass = std::move(again);
    run(*pass, nullptr);
    evaluation.examples += pass->seen;
  }
  evaluation.total = truth_.rows();
  evaluation.stopped = stopped;
  evaluation.value = stopped ? pass->best_possible(options_, truth_.rows()) : pass->all.value();
  if (options_.metric == MetricKind::accuracy) {
    const Accuracy seen = stopped ? pass->sure.counts() : pass->all.counts();
    evaluation.counts = Accuracy{seen.correct + truth_.rows() - seen.total, truth_.rows()};
  }
  if (!stopped) {
    evaluation.right = pass->right;
    if (can_stop()) shelf_.put(soup_key(options_.keys, request.members()), truth_, pass->logits);
    if (!std::isfinite(evaluation.value)) evaluation.failure = kNotFinite;
  }
  evaluation.hash = mix.hash;
  evaluation.geometry = mix.geometry;
  evaluation.seconds = seconds_since(start);
  return evaluation;
}

}  // namespace stockpot
