#include "stockpot/soup/logits_shelf.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr float kLargestHalf = 65504;

// What fp16 makes of it, so that a search in memory takes the order that one with files takes.
std::vector<std::byte> as_half(std::span<const float> values) {
  std::vector<float> clamped(values.begin(), values.end());
  for (float& x : clamped) x = std::isnan(x) ? x : std::clamp(x, -kLargestHalf, kLargestHalf);
  std::vector<std::byte> bytes(2 * values.size());
  write_values(std::span<const float>(clamped), Dtype::f16, bytes);
  return bytes;
}

ShelvedLogits from_half(const TensorView& tensor) {
  return {tensor.shape[1], float_values(tensor)};
}

}  // namespace

LogitsShelf::LogitsShelf(fs::path folder, std::int64_t soups, std::uint64_t budget)
    : folder_(std::move(folder)), soups_(soups), budget_(budget) {}

fs::path LogitsShelf::file_of(const std::string& key) const {
  return folder_ / (key.substr(0, 32) + ".safetensors");
}

void LogitsShelf::put(const std::string& key, const Predictions& truth,
                      std::span<const float> logits) {
  const std::int64_t rows = truth.rows();
  const double needed = 2.0 * static_cast<double>(logits.size()) * static_cast<double>(soups_);
  std::vector<float> margins;
  if (needed > static_cast<double>(budget_)) {
    for (std::int64_t i = 0; i < rows; ++i)
      margins.push_back(margin_of(logits.subspan(static_cast<std::size_t>(i * truth.classes),
                                                 static_cast<std::size_t>(truth.classes)),
                                  truth.labels[static_cast<std::size_t>(i)]));
    logits = margins;
  }
  const std::int64_t columns = margins.empty() ? truth.classes : 1;
  const std::vector<std::byte> bytes = as_half(logits);
  const std::vector<TensorView> tensors{{"logits", Dtype::f16, {rows, columns}, bytes}};
  if (folder_.empty()) {
    kept_[key] = from_half(tensors.front());
    return;
  }
  fs::create_directories(folder_);
  write_safetensors(file_of(key), tensors, {{"key", key}});
}

std::optional<ShelvedLogits> LogitsShelf::get(const std::string& key,
                                              const Predictions& truth) const {
  if (folder_.empty()) {
    const auto found = kept_.find(key);
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }
  std::error_code ignored;
  if (!fs::exists(file_of(key), ignored)) return std::nullopt;
  try {
    const SafetensorsFile file(file_of(key));
    const TensorView* logits = file.find("logits");
    const auto stored = file.metadata().find("key");
    if (logits == nullptr || stored == file.metadata().end() || stored->second != key ||
        logits->dtype != Dtype::f16 || logits->shape.size() != 2 ||
        logits->shape[0] != truth.rows() ||
        (logits->shape[1] != truth.classes && logits->shape[1] != 1))
      return std::nullopt;
    return from_half(*logits);
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

float margin_of(std::span<const float> logits, std::int64_t label) {
  float others = kLowest;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (static_cast<std::int64_t>(i) != label && logits[i] > others) others = logits[i];
  const float own = logits[static_cast<std::size_t>(label)];
  if (std::isnan(own)) return kLowest;
  const float margin = own - others;
  return std::isnan(margin) ? 0 : margin;
}

std::vector<std::int64_t> order_by_margin(const Predictions& truth,
                                          std::span<const WeightedLogits> parts) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(truth.rows()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (parts.empty()) return order;
  const bool whole = std::ranges::all_of(
      parts, [&](const WeightedLogits& part) { return part.logits->columns == truth.classes; });
  const auto classes = static_cast<std::size_t>(truth.classes);
  std::vector<float> margins(order.size()), mixed(classes);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (whole && classes > 1) {
      std::ranges::fill(mixed, 0.0f);
      for (const auto& [weight, logits] : parts)
        for (std::size_t c = 0; c < classes; ++c)
          mixed[c] += static_cast<float>(weight) * logits->values[i * classes + c];
      margins[i] = margin_of(mixed, truth.labels[i]);
      continue;
    }
    for (const auto& [weight, logits] : parts) {
      const auto columns = static_cast<std::size_t>(logits->columns);
      const float margin =
          columns == 1
              ? logits->values[i]
              : margin_of(std::span(logits->values).subspan(i * columns, columns), truth.labels[i]);
      margins[i] += static_cast<float>(weight) * margin;
    }
    if (std::isnan(margins[i])) margins[i] = kLowest;
  }
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
    return margins[static_cast<std::size_t>(a)] < margins[static_cast<std::size_t>(b)];
  });
  return order;
}

}  // namespace stockpot
