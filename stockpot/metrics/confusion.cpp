#include "stockpot/metrics/confusion.h"

#include <cassert>
#include <cmath>

namespace stockpot {
namespace {

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

}  // namespace

Confusion::Confusion(std::int64_t classes)
    : classes_(classes), counts_(static_cast<std::size_t>(classes * (classes + 1))) {}

std::int64_t& Confusion::at(std::int64_t label, std::int64_t said) {
  assert(label >= 0 && label < classes_ && said >= 0 && said <= classes_);
  return counts_[static_cast<std::size_t>(label * (classes_ + 1) + said)];
}

std::int64_t Confusion::count(std::int64_t label, std::int64_t said) const {
  return const_cast<Confusion*>(this)->at(label, said);
}

std::int64_t Confusion::labelled(std::int64_t label) const {
  std::int64_t sum = 0;
  for (std::int64_t said = 0; said <= classes_; ++said) sum += count(label, said);
  return sum;
}

std::int64_t Confusion::predicted(std::int64_t said) const {
  std::int64_t sum = 0;
  for (std::int64_t label = 0; label < classes_; ++label) sum += count(label, said);
  return sum;
}

std::int64_t Confusion::correct() const {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < classes_; ++i) sum += count(i, i);
  return sum;
}

std::int64_t Confusion::total() const {
  std::int64_t sum = 0;
  for (const std::int64_t part : counts_) sum += part;
  return sum;
}

std::int64_t said_class(std::span<const float> logits) {
  const std::int64_t said = predicted_class(logits);
  return std::isnan(logits[static_cast<std::size_t>(said)])
             ? static_cast<std::int64_t>(logits.size())
             : said;
}

double mean_per_class_accuracy(const Confusion& confusion) {
  double sum = 0;
  std::int64_t classes = 0;
  for (std::int64_t i = 0; i < confusion.classes(); ++i) {
    const std::int64_t rows = confusion.labelled(i);
    if (rows == 0) continue;
    sum += static_cast<double>(confusion.count(i, i)) / static_cast<double>(rows);
    ++classes;
  }
  return ratio(sum, static_cast<double>(classes));
}

double f1(const Confusion& confusion, std::int64_t positive) {
  // 2 tp / (2 tp + fp + fn): the harmonic mean of precision and recall.
  return ratio(2.0 * static_cast<double>(confusion.count(positive, positive)),
               static_cast<double>(confusion.predicted(positive) + confusion.labelled(positive)));
}

double macro_f1(const Confusion& confusion) {
  double sum = 0;
  std::int64_t classes = 0;
  for (std::int64_t i = 0; i < confusion.classes(); ++i) {
    if (confusion.labelled(i) + confusion.predicted(i) == 0) continue;
    sum += f1(confusion, i);
    ++classes;
  }
  return ratio(sum, static_cast<double>(classes));
}

double mean_of_accuracy_and_f1(const Confusion& confusion) {
  const double accuracy =
      ratio(static_cast<double>(confusion.correct()), static_cast<double>(confusion.total()));
  return (accuracy + (confusion.classes() > 1 ? f1(confusion, 1) : 0)) / 2;
}

double matthews(const Confusion& confusion) {
  const auto n = static_cast<double>(confusion.total());
  double products = 0, labels = 0, predictions = 0;
  for (std::int64_t i = 0; i <= confusion.classes(); ++i) {
    const auto said = static_cast<double>(confusion.predicted(i));
    const double labelled =
        i < confusion.classes() ? static_cast<double>(confusion.labelled(i)) : 0;
    products += labelled * said;
    labels += labelled * labelled;
    predictions += said * said;
  }
  const double covariance = static_cast<double>(confusion.correct()) * n - products;
  return ratio(covariance, std::sqrt((n * n - labels) * (n * n - predictions)));
}

}  // namespace stockpot
